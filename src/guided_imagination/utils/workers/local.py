"""Workers as processes of this machine."""

import atexit
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any

from guided_imagination.utils.files import explaining_full_disk
from guided_imagination.utils.workers import worker


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
        self._executor = self._new()

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=self._context, initializer=worker.begin, initargs=self._settings)

    def submit(self, work: Any, key: str, unit: bytes) -> "Future[bytes]":
        return self._executor.submit(worker.do, work, key, unit)

    def died(self, error: BaseException) -> bool:
        return isinstance(error, BrokenProcessPool)

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
        context = _context(preload)
        self.slots = [
            ProcessSlot(context, threads, gpus[number % len(gpus)] if gpus else None) for number in range(count)
        ]
        for slot in self.slots:
            atexit.register(slot.close)

    def share(self, work: bytes) -> str:
        folder = Path(tempfile.gettempdir())
        with explaining_full_disk(folder), tempfile.NamedTemporaryFile(prefix="work-", delete=False) as file:
            try:
                file.write(work)
            except OSError:
                Path(file.name).unlink()
                raise
        return file.name

    def forget(self, shared: str) -> None:
        Path(shared).unlink(missing_ok=True)
