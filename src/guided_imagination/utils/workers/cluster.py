"""Workers as actors of a Ray cluster, whose machines see the same files and have the same packages."""

import logging
import os
from concurrent.futures import Future
from typing import Any

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import worker

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing calls home
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what the next release does, without its warning
try:
    import ray
    from ray.exceptions import RayActorError
except ImportError as error:
    raise InputError(
        "compute.workers.engine = 'ray': Ray is not installed; pip install 'guided-imagination[ray]', or use local"
    ) from error


class Worker:
    """An actor; `ready` is its first task, which ends when a machine has room for it."""

    def __init__(self, threads: int) -> None:
        worker.begin(threads)

    def ready(self) -> None: ...

    def do(self, work: bytes, key: str, unit: bytes) -> bytes:
        return worker.do(work, key, unit)


class ActorSlot:
    """One actor. Ray does not restart it, since what it was at should not wait until a machine has room again."""

    def __init__(self, cpus: int, gpus: float) -> None:
        self._actor_class: Any = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0)(Worker)
        self._cpus = cpus
        self._actor: Any = self._actor_class.remote(cpus)

    def submit(self, work: Any, key: str, unit: bytes) -> "Future[bytes]":
        return self._actor.do.remote(work, key, unit).future()

    def died(self, error: BaseException) -> bool:
        return isinstance(error, RayActorError)

    def hopeless(self) -> None: ...

    def kill(self) -> None:
        ray.kill(self._actor)

    def renew(self) -> "Future[Any]":
        self._actor = self._actor_class.remote(self._cpus)
        return self._actor.ready.remote().future()


class RayEngine:
    """`count` actors, or as many as the cluster has GPUs, or else cores, for; `address` joins a cluster."""

    def __init__(self, address: str | None, count: int | None, cpus: int, gpus: float | None) -> None:
        try:
            ray.init(address=address, include_dashboard=False, logging_level=logging.WARNING, ignore_reinit_error=True)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise InputError(f"compute.workers.address = {address!r}: no Ray cluster there ({error})") from error
        there = ray.cluster_resources()
        share = (1.0 if there.get("GPU") else 0.0) if gpus is None else gpus
        rooms = [int(there.get("CPU", 0) // cpus), *([int(there.get("GPU", 0) / share)] if share else [])]
        most = min(rooms)
        if most < 1:
            raise InputError(f"compute.workers: the Ray cluster has no room for a worker of {cpus} cores, {share} GPUs")
        if count is not None and count > most:  # what is handed to one that finds no room would wait for ever
            raise InputError(
                f"compute.workers.count = {count}: the Ray cluster has room for {most} workers of {cpus} cores, "
                f"{share} GPUs"
            )
        self.slots = [ActorSlot(cpus, share) for _ in range(count or most)]

    def share(self, work: bytes) -> Any:
        return ray.put(work)

    def forget(self, shared: Any) -> None:
        """Ray frees it when nobody holds it any more."""
