"""Which workers a configuration asks for; they live until the process ends, as loading libraries takes seconds."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import contextmanager
from typing import Any, Literal, Protocol, TypeVar

import torch

from guided_imagination.utils.progress import counted
from guided_imagination.utils.workers import local
from guided_imagination.utils.workers.pool import Pool

U = TypeVar("U")
R = TypeVar("R")


class Workers(Protocol):
    """How many workers (None: as many as there is room for) of so many cores and GPUs, here or in a Ray cluster."""

    engine: Literal["local", "ray"]
    count: int | None
    cpus: int
    gpus: float | None
    address: str | None


class Spec(Protocol):
    """Where networks run."""

    device: str

    @property
    def workers(self) -> Workers: ...


def start(
    work: Callable[[], Callable[[U], R]],
    units: Sequence[U],
    spec: Spec,
    *,
    preload: Sequence[str] = (),
    lead: bool = False,
    shown: tuple[str, str] | None = None,
) -> Iterator[tuple[U, R]]:
    """Begin, and give every unit with its result, in the order in which they end.

    `preload` are modules that the work imports: where it is the first work, they are imported once for all processes.
    With `lead`, the first unit is done before all others are begun. Progress is `shown` as what is done, and what the
    units are; all of the same kind that are begun and not finished are counted together.
    Raises what a unit raises, and InputError if workers die at it again and again. With one worker on this machine
    nothing is begun before the first result is asked for.
    """
    if (pool := _pool(spec, preload)) is None:
        results = _here(work, units, spec.workers.cpus)
    else:
        results = _side_by_side(pool, work, units, lead)
        next(results)
    return results if shown is None else counted(results, len(units), *shown)


def _here(work: Callable[[], Callable[[U], R]], units: Sequence[U], threads: int) -> Iterator[tuple[U, R]]:
    do = _loading(work)
    for unit in units:
        with _threads(threads):
            result = do(unit)
        yield unit, result


def _side_by_side(pool: Pool, work: Callable[[], Callable[[U], R]], units: Sequence[U], lead: bool) -> Iterator[Any]:
    """Gives None once units are begun: from then on, what is left early is dropped."""
    do, waited = _loading(work), dict[Future[R], U]()
    first, later = (units[:1], units[1:]) if lead else (units, [])
    try:
        waited.update((pool.submit(do, unit), unit) for unit in first)
        yield None
        for more in (later, []):
            for future in as_completed([*waited]):
                yield waited.pop(future), future.result()
            waited.update((pool.submit(do, unit), unit) for unit in more)
    except KeyboardInterrupt:
        pool.drop()
        raise
    finally:
        if not sys.is_finalizing():  # at the end of the process, what this needs may be gone
            pool.drop(waited)


def _loading(work: Callable[[], Callable[[U], R]]) -> Callable[[U], R]:
    """The work as a function that loads what it needs in the process where it is called first."""
    loaded: list[Callable[[U], R]] = []

    def do(unit: U) -> R:
        if not loaded:
            loaded.append(work())
        return loaded[0](unit)

    return do


def call(function: Callable[[], R], spec: Spec) -> R:
    """What `function` returns in a worker, or here, where that is not faster."""
    here = spec.workers.engine == "local" and not _gpus(spec.device)
    work = lambda: lambda unit: function()  # noqa: E731
    ((_, result),) = _here(work, [None], spec.workers.cpus) if here else start(work, [None], spec)
    return result


def warm_up(spec: Spec, preload: Sequence[str]) -> None:
    """Let the workers of this machine import their libraries while this process does other things."""
    if spec.workers.engine == "local" and (pool := _pool(spec, preload)):
        for _ in range(_count(spec)):
            pool.submit(int)


def worker_count(spec: Spec) -> int:
    """How many workers there will be; in a Ray cluster those that were asked for, or 1 where that is left to Ray."""
    return _count(spec) if spec.workers.engine == "local" else spec.workers.count or 1


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


_pools: dict[tuple[Any, ...], Pool] = {}


def _pool(spec: Spec, preload: Sequence[str]) -> Pool | None:
    """The workers that are asked for; None where that is one on this machine, which is this process."""
    asked, key = spec.workers, tuple[Any, ...]()
    if asked.engine == "local":
        key = _count(spec), asked.cpus, _gpus(spec.device)
        if _count(spec) > 1 and key not in _pools:
            _pools[key] = Pool(local.makers(*key, preload))
    else:
        key = asked.address, asked.count, asked.cpus, asked.gpus
        if key not in _pools:
            from guided_imagination.utils.workers import cluster  # Ray is an extra

            _pools[key] = Pool(cluster.makers(*key))
    return _pools.get(key)


def _stop() -> None:
    """End all work that was begun and not waited for, as that of a run that failed or was interrupted."""
    for pool in _pools.values():
        pool.close()


# concurrent.futures, imported before, lets Python wait for what is being done; what is registered last is called first
threading._register_atexit(_stop)  # type: ignore[attr-defined]
