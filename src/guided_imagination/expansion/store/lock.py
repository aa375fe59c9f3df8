"""One writer per expansion."""

import getpass
import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from filelock import FileLock, Timeout

from guided_imagination.utils.errors import InputError, Remedy
from guided_imagination.utils.files import explaining_full_disk, read_json, write_json

logger = logging.getLogger(__name__)
LOCK, OWNER = "writer.lock", "writer.json"
SIGN_EVERY = 30.0  # seconds, however long a shard takes
STALE = timedelta(minutes=15)  # network folders may tell times late


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold `folder` against other writers, and give signs of life meanwhile.

    The kernel frees the lock of a process that dies, however it dies. Some network folders do not carry locks
    to other machines: there the owner file tells, which counts for `STALE` after the last sign of life.
    Raises InputError if another writer is alive.
    """
    with explaining_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(_refusal(folder / OWNER), Remedy.OTHER_FOLDER) from error
    owner = folder / OWNER
    try:
        _take_over(owner)
        write_json(owner, {"host": platform.node(), "pid": os.getpid(), "user": _user(), "started": _now()})
        try:
            with _signs_of_life(owner):
                yield
        finally:
            owner.unlink(missing_ok=True)
    finally:
        lock.release()


@contextmanager
def _signs_of_life(owner: Path) -> Iterator[None]:
    """Touch `owner` from a thread of its own while the block runs."""
    ended = Event()

    def sign() -> None:
        while not ended.wait(SIGN_EVERY):
            with suppress(FileNotFoundError):  # deleted by someone who wants to take over
                os.utime(owner)

    thread = Thread(target=sign, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _take_over(path: Path) -> None:
    """Say so if the last writer left without a word. Raises InputError if it may be alive elsewhere."""
    if not path.exists():
        return
    if read_json(path)["host"] != platform.node() and _silence(path) < STALE:
        raise InputError(f"{_refusal(path)} (if that run is dead, delete {path})", Remedy.OTHER_FOLDER)
    logger.info("taking over %s from %s, which ended without finishing", path.parent, _named(path))


def _refusal(path: Path) -> str:
    folder = path.parent
    writer = f"{_named(path)}, last sign of life {_silence(path)} ago" if path.exists() else "another run"
    return f"{folder} is being written by {writer}"


def _named(path: Path) -> str:
    owner = read_json(path)
    return f"process {owner['pid']} of {owner['user']} on {owner['host']}, started {owner['started']}"


def _silence(path: Path) -> timedelta:
    return timedelta(seconds=max(0, int(time.time() - path.stat().st_mtime)))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
