"""The next batch is read while the network is busy with this one."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Prefetched(Generic[T]):
    """`make(step)`, called in order of the steps; the call for `step` also starts the next one in a thread.

    `make` must depend on its step alone: the thread shares no random state with the network.
    """

    def __init__(self, make: Callable[[int], T], steps: int) -> None:
        self._make, self._steps = make, steps
        self._pool = ThreadPoolExecutor(1)
        self._pending: dict[int, Future[T]] = {}

    def __call__(self, step: int) -> T:
        made = self._pending.pop(step, None) or self._pool.submit(self._make, step)
        if step + 1 < self._steps:
            self._pending[step + 1] = self._pool.submit(self._make, step + 1)
        return made.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)
