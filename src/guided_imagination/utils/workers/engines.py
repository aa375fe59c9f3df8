"""Which workers a configuration asks for; they live until the process ends, as loading libraries takes seconds."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, Protocol, TypeVar

import torch

from guided_imagination.utils.progress import progress
from guided_imagination.utils.workers.schedule import Engine, Schedule

U = TypeVar("U")
R = TypeVar("R")
# imported once, before processes are forked, since all of them need it
PRELOADED = (
    "guided_imagination.expansion.expand",
    "guided_imagination.generators.loading",
    "guided_imagination.training.cells",
)


class Workers(Protocol):
    """How many workers (None: as many as there is room for) of so many cores and GPUs, here or in a Ray cluster."""

    @property
    def engine(self) -> Literal["local", "ray"]: ...

    @property
    def count(self) -> int | None: ...

    @property
    def cpus(self) -> int: ...

    @property
    def gpus(self) -> float | None: ...

    @property
    def address(self) -> str | None: ...


class Spec(Protocol):
    """Where networks run."""

    @property
    def device(self) -> str: ...

    @property
    def workers(self) -> Workers: ...


def start(
    work: Callable[[], Callable[[U], R]],
    units: Sequence[U],
    spec: Spec,
    *,
    lead: bool = False,
    shown: tuple[str, str] | None = None,
) -> Iterator[tuple[U, R]]:
    """Begin, and give every unit with its result, in the order in which they end.

    With `lead`, the first unit is done before all others are begun. Progress is `shown` as what is done, and what the
    units are; all of the same kind that are begun and not finished are counted together.
    Raises what a unit raises, and InputError if workers die at it again and again. With one worker on this machine
    nothing is begun before the first result is asked for.
    """
    results = _started(work, units, spec, lead)
    return results if shown is None else _counted(results, shown, len(units))


def _started(work: Callable[[], Callable[[U], R]], units: Sequence[U], spec: Spec, lead: bool) -> Iterator[tuple[U, R]]:
    if spec.workers.engine == "local":
        count = _count(spec)
        if count == 1:
            return _here(work, units, spec.workers.cpus)
        return _local(count, spec.workers.cpus, _gpus(spec.device)).start(work, units, lead)
    return _ray(spec.workers.address, spec.workers.count, spec.workers.cpus, spec.workers.gpus).start(work, units, lead)


_bars: dict[tuple[str, str], Any] = {}


def _counted(results: Iterator[tuple[U, R]], shown: tuple[str, str], count: int) -> Iterator[tuple[U, R]]:
    if shown not in _bars:
        _bars[shown] = progress(shown[0], 0, unit=shown[1])
    bar = _bars[shown]
    bar.total += count

    def counted() -> Iterator[tuple[U, R]]:
        left = count
        try:
            for unit, result in results:
                left -= 1
                bar.update()
                yield unit, result
        finally:
            bar.total -= left  # of work that was left early
            if bar.n >= bar.total:
                bar.close()
                _bars.pop(shown, None)

    return counted()


def call(function: Callable[[], R], spec: Spec) -> R:
    """What `function` returns in a worker, or here, where that is not faster."""
    if spec.workers.engine == "local" and not _gpus(spec.device):
        with _threads(spec.workers.cpus):
            return function()
    ((_, result),) = start(lambda: lambda unit: function(), [None], spec)
    return result


def warm_up(spec: Spec) -> None:
    """Let the workers of this machine import their libraries while this process does other things."""
    if spec.workers.engine == "local" and (count := _count(spec)) > 1:
        _warm.append(start(lambda: lambda unit: None, range(count), spec))


def worker_count(spec: Spec) -> int:
    """How many workers there will be; in a Ray cluster those that were asked for, or 1 where that is left to Ray."""
    return _count(spec) if spec.workers.engine == "local" else spec.workers.count or 1


_warm: list[Iterator[Any]] = []  # what is dropped is ended


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _here(work: Callable[[], Callable[[U], R]], units: Sequence[U], threads: int) -> Iterator[tuple[U, R]]:
    if not units:
        return
    with _threads(threads):
        do = work()
    for unit in units:
        with _threads(threads):
            result = do(unit)
        yield unit, result


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """As many threads as a worker has: sums over another number round otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _count(spec: Spec) -> int:
    """The number of workers on this machine: what was asked for, or one per GPU, or else as many as the cores allow."""
    if asked := spec.workers.count or len(_gpus(spec.device)):
        return asked
    apple = torch.backends.mps.is_available() and spec.device in ("auto", "mps")
    alone = apple or spec.device.startswith("cuda:")
    return 1 if alone else max(1, cores() // spec.workers.cpus)


def _gpus(device: str) -> tuple[str, ...]:
    """The GPUs that workers can be given, by CUDA's names."""
    if device not in ("auto", "cuda"):
        return ()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(visible.split(",") if visible else map(str, range(torch.cuda.device_count())))


@cache
def _local(count: int, threads: int, gpus: tuple[str, ...]) -> Schedule:
    from guided_imagination.utils.workers.local import LocalEngine

    return _kept(LocalEngine(count, threads, gpus, PRELOADED))


@cache
def _ray(address: str | None, count: int | None, cpus: int, gpus: float | None) -> Schedule:
    from guided_imagination.utils.workers.cluster import RayEngine

    return _kept(RayEngine(address, count, cpus, gpus))


_schedules: list[Schedule] = []


def _kept(engine: Engine) -> Schedule:
    if not _schedules:
        # concurrent.futures lets Python wait for what is being done; what is registered later is called earlier
        threading._register_atexit(_stop)  # type: ignore[attr-defined]
    _schedules.append(Schedule(engine))
    return _schedules[-1]


def _stop() -> None:
    """End all work that was begun and not waited for, as that of a run that failed or was interrupted."""
    for schedule in _schedules:
        schedule.stop()
