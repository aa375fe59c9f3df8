"""Workers as processes of this machine."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, SpawnContext

from guided_imagination.utils.workers import worker
from guided_imagination.utils.workers.pool import Worker


class Process(ProcessPoolExecutor, Worker):
    """A pool of one process, so that one that dies breaks the work of no other."""

    death = BrokenProcessPool

    def __init__(self, context: ForkServerContext | SpawnContext, threads: int, gpu: str | None) -> None:
        super().__init__(1, mp_context=context, initializer=worker.begin, initargs=(threads, gpu))

    def kill(self) -> None:
        for process in list((self._processes or {}).values()):
            process.kill()


def makers(count: int, threads: int, gpus: Sequence[str], preload: Sequence[str]) -> list[Callable[[], Process]]:
    """Of `count` processes of so many threads, with CUDA each on the next of the GPUs; modules are imported once."""
    context = context_of(preload)
    return [partial(Process, context, threads, gpus[number % len(gpus)] if gpus else None) for number in range(count)]


def context_of(preload: Sequence[str]) -> ForkServerContext | SpawnContext:
    """New processes are forked from one that has imported what they need, but has no threads and no GPU yet."""
    if sys.platform != "linux":
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["__main__", *preload])
    return context
