"""Several workers as one executor: whoever is idle takes the next task, and the task of one that dies is done again."""

import pickle
from collections import deque
from collections.abc import Callable, Container, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import cloudpickle

from guided_imagination.utils.errors import InputError, Remedy
from guided_imagination.utils.workers.worker import run

P = ParamSpec("P")
T = TypeVar("T")
MOST_DEATHS = 5  # of workers at the same task: then it is the task that kills them
DYING = f"{MOST_DEATHS} workers died at the same unit of work, most often for lack of memory"
COUNT = "compute.workers.count"


class Worker(Executor):
    """An executor of one process; once that is dead, `submit`, or the future that it gave, raises `death`."""

    death: type[BaseException]

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        raise NotImplementedError

    def doom(self) -> str | None:
        """The sentence that says why every other worker would die too, if that is known."""
        return None


@dataclass(eq=False)
class _Task:
    function: bytes
    arguments: bytes
    future: Future[Any] = field(default_factory=Future)
    begun: int = 0  # how often: its worker died every time but the last


class Pool(Executor):
    """A thread for each of `makers`, which return a worker when it can work, again when that died.

    Tasks are begun in the order in which they were submitted. Workers are sent a function once, and keep what it has
    loaded until they are sent another. They live until Python ends.
    """

    def __init__(self, makers: Sequence[Callable[[], Worker]]) -> None:
        self._functions: WeakKeyDictionary[Callable[..., Any], bytes] = WeakKeyDictionary()
        self._waiting: deque[_Task] = deque()
        self._running: dict[Future[Any], Worker] = {}
        self._changed = Condition()
        self._closed = False
        self._threads = [Thread(target=self._serve, args=(make,), daemon=True) for make in makers]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future raises what the function raises, and InputError if workers die at it again and again."""
        with self._changed:
            if function not in self._functions:
                self._functions[function] = cloudpickle.dumps(function)
            task = _Task(self._functions[function], cloudpickle.dumps((args, kwargs)))
            self._waiting.append(task)
            self._changed.notify()
        return task.future

    def drop(self, futures: Container[Future[Any]] | None = None) -> None:
        """Cancel these, or all; what is being done ends with its worker."""

        def unwanted(future: Future[Any]) -> bool:
            return futures is None or future in futures

        with self._changed:
            waiting, self._waiting = self._waiting, deque()
            for task in waiting:
                if not unwanted(task.future):
                    self._waiting.append(task)
                elif not task.future.done():
                    task.future.set_exception(CancelledError())
            for future in filter(unwanted, [*self._running]):
                self._running.pop(future).kill()

    def close(self, timeout: float = 5) -> None:
        """End all workers, before Python ends: a thread that is stopped amid its clean-up leaves warnings behind.

        Waits for at most `timeout` seconds for each, as one may be at importing its libraries.
        """
        self.drop()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout)

    def _serve(self, make: Callable[[], Worker]) -> None:
        while not self._closed:
            try:
                worker = make()
            except Exception as error:
                if task := self._next():
                    task.future.set_exception(error)
                continue
            loaded: bytes | None = b""
            while loaded is not None:
                loaded = self._do_next(worker, loaded)
            if not self._closed:  # at the end, an idle worker leaves by itself and cleans up
                worker.kill()
            worker.shutdown(wait=self._closed)

    def _next(self, worker: Worker | None = None) -> _Task | None:
        """Wait for a task and take it, for `worker`; None once the pool is closed."""
        with self._changed:
            while not self._closed:
                try:
                    task = self._waiting.popleft()
                except IndexError:
                    self._changed.wait()
                    continue
                if task.future.running() or task.future.set_running_or_notify_cancel():
                    if worker is not None:
                        self._running[task.future] = worker
                    return task
        return None

    def _do_next(self, worker: Worker, loaded: bytes) -> bytes | None:
        """Let `worker`, which has the function `loaded`, do a task; the one that it has then, None if it has to go."""
        task = self._next(worker)
        if task is None:
            return None
        result, error = None, None
        try:
            answer = worker.submit(run, None if task.function is loaded else task.function, task.arguments)
            task.begun += 1  # a worker that died while it was idle is not the task's fault
            if task.future not in self._running:  # dropped when there was no process to kill yet
                worker.kill()
            result = pickle.loads(answer.result())
        except BaseException as raised:
            error = raised
        died = isinstance(error, worker.death)
        doom = worker.doom() if died else None
        with self._changed:
            wanted = self._running.pop(task.future, None) is not None
            if died and wanted and not doom and task.begun < MOST_DEATHS:
                self._waiting.appendleft(task)
                self._changed.notify()
                return None
        if died:
            error = CancelledError()
            if wanted:
                error = InputError(doom, parameter=COUNT) if doom else InputError(DYING, Remedy.FEWER_WORKERS)
        if error is not None:
            task.future.set_exception(error)
        else:
            task.future.set_result(result)
        if died or not wanted:
            return None
        return task.function if error is None else b""
