"""Work in processes of its own, as two runs at once do it."""

import os
import signal

from helpers.stores import fork as fork


def ended(process: int) -> int:
    """The exit code of a process, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def killed(process: int) -> None:
    """End a process at once, as a power cut does."""
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
