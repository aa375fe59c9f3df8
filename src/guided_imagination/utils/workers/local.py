"""Workers as processes of this machine."""

import ast
import multiprocessing
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import worker
from guided_imagination.utils.workers.pool import COUNT, Worker

UNGUARDED = 78  # exit code of a process that would start workers while it imports the main module
ANEW = "is more than one: every worker imports the calling script again, "
GUARD = '`if __name__ == "__main__":`'


def _check_script() -> None:
    """Raises InputError where new processes cannot import the main module, as multiprocessing lets all of them do.

    In such a process, which is there since the script could not be checked, it ends at once.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(UNGUARDED)
    main = sys.modules["__main__"]
    path, name = getattr(main, "__file__", None), getattr(main.__spec__, "name", "")
    if path is None or name.rpartition(".")[2] == "__main__":  # not imported: `python -c`, a prompt, `python -m`
        return
    if not Path(path).is_file():
        raise InputError(
            f"{ANEW}and {path} cannot be read again: save it as a file, with {GUARD} above what it does, "
            "or use one worker",
            parameter=COUNT,
        )
    if not _is_guarded(Path(path)):
        raise InputError(_unguarded(path), parameter=COUNT)


def _unguarded(path: str | None) -> str:
    return f"{ANEW}so {path or 'it'} needs {GUARD} above what it does: add that line, or use one worker"


def _is_guarded(path: Path) -> bool:
    """Whether the statement that the main module is at, or a function of it, asks for `__name__`.

    True also if nobody can tell.
    """
    frame = sys._getframe()
    while (frame.f_code.co_filename, frame.f_code.co_name) != (str(path), "<module>"):
        if frame.f_back is None:  # in a thread, or at a prompt after the script
            return True
        frame = frame.f_back
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # compiled
        return True
    line, functions = frame.f_lineno, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    asked = [
        part for part in tree.body if part.lineno <= line <= (part.end_lineno or line) or isinstance(part, functions)
    ]
    comparisons = [node for part in asked for node in ast.walk(part) if isinstance(node, ast.Compare)]
    return any(isinstance(name, ast.Name) and name.id == "__name__" for node in comparisons for name in ast.walk(node))


class Process(ProcessPoolExecutor, Worker):
    """A pool of one process, so that one that dies breaks the work of no other."""

    death = BrokenProcessPool

    def __init__(self, context: ForkServerContext | SpawnContext, threads: int, gpu: str | None) -> None:
        super().__init__(1, mp_context=context, initializer=worker.begin, initargs=(threads, gpu))
        self._started: list[Any] = []

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        try:
            future = super().submit(function, *arguments, **named)
        except (ConnectionError, EOFError) as error:  # where new processes are forked from has ended
            raise InputError(_unguarded(None), parameter=COUNT) from error
        self._started = list((self._processes or {}).values())
        return future

    def doom(self) -> str | None:
        return _unguarded(None) if any(process.exitcode == UNGUARDED for process in self._started) else None

    def kill(self) -> None:
        for process in list((self._processes or {}).values()):
            process.kill()


def makers(count: int, threads: int, gpus: Sequence[str], preload: Sequence[str]) -> list[Callable[[], Process]]:
    """Of `count` processes of so many threads, with CUDA each on the next of the GPUs; modules are imported once.

    Raises InputError where they could not be started from this script.
    """
    _check_script()
    context = context_of(preload)
    return [partial(Process, context, threads, gpus[number % len(gpus)] if gpus else None) for number in range(count)]


def context_of(preload: Sequence[str]) -> ForkServerContext | SpawnContext:
    """New processes are forked from one that has imported what they need, but has no threads and no GPU yet."""
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", *preload])
    return context
