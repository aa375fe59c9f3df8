"""One training loop for everything: it knows nothing of models, data or logging."""

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from guided_imagination.utils.files import replacing
from guided_imagination.utils.progress import progress
from guided_imagination.utils.randomness import seeded

logger = logging.getLogger(__name__)


class Stateful(Protocol):
    """Anything with a state to keep in a checkpoint: modules, optimisers, schedules, averages."""

    def state_dict(self) -> Mapping[str, Any]: ...

    def load_state_dict(self, state: Any) -> Any: ...


def fit(
    loss_at: Callable[[int], Tensor],
    optimizer: Optimizer,
    schedule: LRScheduler,
    steps: int,
    *,
    name: str,
    seed: int,
    state: Mapping[str, Stateful],
    checkpoint: Path | None = None,
    save_every: int = 200,
    after_step: Callable[[int, Tensor], None] = lambda step, loss: None,
) -> float:
    """Run `steps` updates of `optimizer` on `loss_at(step)` and return the seconds they took.

    All randomness of a step comes from (`seed`, step), so a run that was killed and resumed from
    `checkpoint` ends with the weights of one that was not. `state` names what the checkpoint holds
    besides the optimiser and the schedule. The checkpoint is left for the caller to delete once the
    result is safe.
    """
    state = {**state, "optimizer": optimizer, "schedule": schedule}
    done, seconds = _resume(checkpoint, state)
    started = time.perf_counter() - seconds
    bar = progress(name, steps, done=done, unit="updates")
    for step in range(done, steps):
        with seeded(seed, "step", step):
            loss = loss_at(step)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        after_step(step, loss.detach())
        if checkpoint and ((step + 1) % save_every == 0 or step + 1 == steps):
            _save(checkpoint, state, step + 1, time.perf_counter() - started)
            bar.set_postfix(loss=f"{loss.item():.4f}", refresh=False)
        bar.update()
    bar.close()
    seconds = time.perf_counter() - started
    logger.info("%s: %d updates, %.1f s, %.1f updates/s", name, steps, seconds, steps / max(seconds, 1e-9))
    return seconds


def _save(path: Path, state: Mapping[str, Stateful], step: int, seconds: float) -> None:
    saved = {name: item.state_dict() for name, item in state.items()}
    with replacing(path) as file:
        torch.save({"step": step, "seconds": seconds, **saved}, file)


def _resume(path: Path | None, state: Mapping[str, Stateful]) -> tuple[int, float]:
    if path is None or not path.exists():
        return 0, 0.0
    saved = torch.load(path, map_location="cpu", weights_only=True)
    for name, item in state.items():
        item.load_state_dict(saved[name])
    logger.info("resuming %s at update %d", path.name, saved["step"])
    return saved["step"], saved["seconds"]


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
