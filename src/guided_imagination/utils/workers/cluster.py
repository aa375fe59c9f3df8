"""Workers as actors of a Ray cluster, whose machines see the same files and have the same packages."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, TypeVar

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import worker
from guided_imagination.utils.workers.pool import Worker

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing calls home
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what the next release does, without its warning
try:
    import ray
    from ray.exceptions import RayActorError
except ImportError as error:
    raise InputError(
        "compute.workers.engine = 'ray': Ray is not installed; pip install 'guided-imagination[ray]', or use local"
    ) from error

T = TypeVar("T")


class _There:
    """What runs in the cluster."""

    def __init__(self, threads: int) -> None:
        worker.begin(threads)

    def do(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)


class Actor(Worker):
    """Made when a machine has room. Ray does not restart it: its task should not wait for another machine's room."""

    death = RayActorError

    def __init__(self, cpus: int, gpus: float) -> None:
        remote: Any = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0)(_There)
        self._actor: Any = remote.remote(cpus)
        wait([self.submit(os.getpid)])

    def submit(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        return self._actor.do.remote(function, *args, **kwargs).future()

    def kill(self) -> None:
        ray.kill(self._actor)


def makers(address: str | None, count: int | None, cpus: int, gpus: float | None) -> list[Callable[[], Actor]]:
    """Of `count` actors, or as many as the cluster has GPUs, or else cores, for; `address` joins a cluster."""
    try:
        ray.init(address=address, include_dashboard=False, logging_level=logging.WARNING, ignore_reinit_error=True)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"compute.workers.address = {address!r}: no Ray cluster there ({error})") from error
    there = ray.cluster_resources()
    each = (1.0 if there.get("GPU") else 0.0) if gpus is None else gpus
    most = min([int(there.get("CPU", 0) // cpus), *([int(there.get("GPU", 0) / each)] if each else [])])
    if most < 1:
        raise InputError(f"compute.workers: the Ray cluster has no room for a worker of {cpus} cores, {each} GPUs")
    if count is not None and count > most:
        raise InputError(
            f"compute.workers.count = {count}: the Ray cluster has room for {most} workers of {cpus} cores, {each} GPUs"
        )
    return [partial(Actor, cpus, each)] * (count or most)
