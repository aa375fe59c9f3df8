"""Where the time of a job goes."""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Clock:
    """Adds up wall seconds by name: `with clock("decode"): ...`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._started, self._before = time.perf_counter(), 0.0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            _synchronize()  # GPU work is queued: without this it would be counted elsewhere
            self.seconds[name] += time.perf_counter() - started

    @property
    def total(self) -> float:
        """Seconds since the clock was made, without those on the way from another process."""
        return self._before + time.perf_counter() - self._started

    def __getstate__(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "_before": self.total}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _started=time.perf_counter())


def _synchronize() -> None:
    """Wait for every GPU that this process uses: waiting for another one would take memory there for nothing."""
    if "torch" not in sys.modules:  # which takes seconds to import
        return
    import torch

    if not torch.cuda.is_initialized():
        return
    for device in range(torch.cuda.device_count()):
        if torch.cuda.memory_reserved(device):  # nothing runs where nothing lies
            torch.cuda.synchronize(device)
