"""Hands units to whoever is idle, and again if their worker dies."""

import pickle
import sys
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import RLock
from typing import Any, Generic, Protocol, TypeVar

import cloudpickle

from guided_imagination.utils.errors import InputError

U = TypeVar("U")
R = TypeVar("R")
MOST_DEATHS = 5  # of workers at the same unit: then it is the unit that kills them


class Slot(Protocol):
    """Room for one worker."""

    def submit(self, work: Any, key: str, unit: bytes) -> "Future[bytes]":
        """Do a pickled unit of shared work in the worker; the future ends with its pickled result."""
        ...

    def died(self, error: BaseException) -> bool:
        """Whether an error is the worker's end, and not what the unit raised."""
        ...

    def hopeless(self) -> str | None:
        """The sentence that says why every other worker would die too, if that is known."""
        ...

    def kill(self) -> None:
        """End the worker at once, whatever it does."""
        ...

    def renew(self) -> "Future[Any]":
        """Put another worker in the place of one that died; the future ends when it can work."""
        ...


class Engine(Protocol):
    """Slots, and a way to hand the same bytes to all of their workers."""

    @property
    def slots(self) -> Sequence[Slot]: ...

    def share(self, work: bytes) -> Any: ...

    def forget(self, shared: Any) -> None: ...


@dataclass(eq=False)
class _Work:
    """What is common to the units of one task."""

    key: str
    shared: Any
    ended: "SimpleQueue[tuple[int, bytes | BaseException]]" = field(default_factory=SimpleQueue)
    dropped: bool = False


@dataclass(eq=False)
class _Unit:
    number: int
    content: bytes
    work: _Work
    deaths: int = 0


class Schedule:
    """All tasks of a process on the same workers; units of a later one are begun when those before are all begun."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._idle = engine, deque(engine.slots)
        self._waiting: deque[_Unit] = deque()
        self._running: dict[Slot, _Unit] = {}
        self._lock = RLock()

    def start(
        self, work: Callable[[], Callable[[U], R]], units: Sequence[U], lead: bool = False
    ) -> Iterator[tuple[U, R]]:
        """Begin, and give units with their results in the order in which they end; raises what a unit raises.

        With `lead`, the first is done before all others are begun.
        """
        common = _Work(uuid.uuid4().hex, self._engine.share(cloudpickle.dumps(work)))
        all_of_them = [_Unit(number, cloudpickle.dumps(unit), common) for number, unit in enumerate(units)]
        first = 1 if lead else len(all_of_them)
        self.add(all_of_them[:first])
        return _Results(self, common, units, all_of_them[first:])

    def add(self, units: Sequence[_Unit]) -> None:
        """Queue units."""
        with self._lock:
            self._waiting.extend(units)
        self._hand_out()

    def drop(self, work: _Work) -> None:
        """Nobody waits for the units of this work any more: those that are being done end with their workers."""
        with self._lock:
            if work.dropped:
                return
            work.dropped = True
            self._waiting = deque(unit for unit in self._waiting if unit.work is not work)
            for slot in [slot for slot, unit in self._running.items() if unit.work is work]:
                slot.kill()
        self._engine.forget(work.shared)

    def stop(self) -> None:
        """Drop everything."""
        with self._lock:
            works = {id(unit.work): unit.work for unit in (*self._waiting, *self._running.values())}
        for work in works.values():
            self.drop(work)

    def _hand_out(self) -> None:
        with self._lock:
            while self._idle and self._waiting:
                slot, unit = self._idle.popleft(), self._waiting.popleft()
                self._running[slot] = unit
                try:
                    future = slot.submit(unit.work.shared, unit.work.key, unit.content)
                except Exception as error:  # a worker that died while it was idle says so now
                    future = Future()
                    future.set_exception(error)
                future.add_done_callback(partial(self._ended, slot, unit))

    def _ended(self, slot: Slot, unit: _Unit, future: "Future[bytes]") -> None:
        error = future.exception()
        with self._lock:
            del self._running[slot]
            if error is not None and slot.died(error):
                unit.deaths += 1
                hopeless = slot.hopeless()
                if unit.deaths < MOST_DEATHS and not unit.work.dropped and not hopeless:
                    self._waiting.appendleft(unit)
                else:
                    unit.work.ended.put((unit.number, InputError(hopeless or _dying())))
                slot.renew().add_done_callback(partial(self._ready, slot))
            else:
                unit.work.ended.put((unit.number, error or future.result()))
                self._idle.append(slot)
        self._hand_out()

    def _ready(self, slot: Slot, future: "Future[Any]") -> None:
        if future.exception() is not None:
            slot.renew().add_done_callback(partial(self._ready, slot))
            return
        with self._lock:
            self._idle.append(slot)
        self._hand_out()


class _Results(Generic[U, R]):
    """An iterator that can be left early, also before its first step."""

    def __init__(self, schedule: Schedule, work: _Work, units: Sequence[U], held: list[_Unit]) -> None:
        self._schedule, self._work, self._units, self._held = schedule, work, units, held
        self._left = len(units)

    def __iter__(self) -> Iterator[tuple[U, R]]:
        return self

    def __next__(self) -> tuple[U, R]:
        if not self._left:
            self.close()
            raise StopIteration
        try:
            number, result = self._work.ended.get()
        except KeyboardInterrupt:
            self._schedule.stop()
            raise
        self._left -= 1
        if isinstance(result, BaseException):
            self.close()
            raise result
        held, self._held = self._held, []
        self._schedule.add(held)
        return self._units[number], pickle.loads(result)

    def close(self) -> None:
        self._schedule.drop(self._work)

    def __del__(self) -> None:
        if not sys.is_finalizing():  # at the end of the process, what close needs may be gone
            self.close()


def _dying() -> str:
    return (
        f"{MOST_DEATHS} workers died at the same unit of work, most often for lack of memory: set fewer of them "
        "(compute.workers.count) or smaller batches; what is finished is kept"
    )
