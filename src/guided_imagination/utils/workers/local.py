"""Workers as processes of this machine."""

import ast
import atexit
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import explaining_full_disk, temporary_place
from guided_imagination.utils.workers import worker

UNGUARDED = 78  # exit code of a process that would start workers while it imports the main module
ANEW = "compute.workers.count: more than one worker imports the calling script anew, "
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
            "or use one worker"
        )
    if not _is_guarded(Path(path)):
        raise InputError(_unguarded(path))


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


def _context(preload: Sequence[str]) -> ForkServerContext | SpawnContext:
    """New processes are forked from one that has imported what they need, but has no threads and no GPU yet."""
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", *preload])
    return context


class ProcessSlot:
    """One process, and another one after its death."""

    def __init__(self, context: ForkServerContext | SpawnContext, threads: int, gpu: str | None) -> None:
        self._context, self._settings = context, (threads, gpu)
        self._processes: list[Any] = []
        self._executor = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=self._context, initializer=worker.begin, initargs=self._settings)

    def submit(self, work: Any, key: str, unit: bytes) -> "Future[bytes]":
        try:
            future = self._executor.submit(worker.do, work, key, unit)
            self._processes = list((self._executor._processes or {}).values())
            return future
        except (ConnectionError, EOFError) as error:  # where new processes are forked from has ended
            raise InputError(_unguarded(None)) from error

    def died(self, error: BaseException) -> bool:
        return isinstance(error, BrokenProcessPool)

    def hopeless(self) -> str | None:
        return _unguarded(None) if any(process.exitcode == UNGUARDED for process in self._processes) else None

    def kill(self) -> None:
        for process in list((self._executor._processes or {}).values()):
            process.kill()

    def close(self) -> None:
        """Let the process go when it is idle."""
        self._executor.shutdown(wait=False)

    def renew(self) -> "Future[Any]":
        self._executor.shutdown(wait=False)
        self._executor = self._new()
        ready: Future[Any] = Future()
        ready.set_result(None)
        return ready


class LocalEngine:
    """`count` processes of `threads` threads, with CUDA each on the next of the GPUs."""

    def __init__(self, count: int, threads: int, gpus: Sequence[str], preload: Sequence[str]) -> None:
        _check_script()
        context = _context(preload)
        self.slots = [
            ProcessSlot(context, threads, gpus[number % len(gpus)] if gpus else None) for number in range(count)
        ]
        for slot in self.slots:
            atexit.register(slot.close)

    def share(self, work: bytes) -> str:
        with explaining_full_disk(temporary_place()), tempfile.NamedTemporaryFile(prefix="work-", delete=False) as file:
            try:
                file.write(work)
            except OSError:
                Path(file.name).unlink()
                raise
        return file.name

    def forget(self, shared: str) -> None:
        Path(shared).unlink(missing_ok=True)
