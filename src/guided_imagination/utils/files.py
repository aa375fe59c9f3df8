"""Files and folders that are either whole or not there."""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from guided_imagination.utils.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

PARTIAL, OLD = ".partial", ".old"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write to a temporary file beside `path`, which takes its place when the block ends well.

    When the block has ended, the file survives a power loss. Raises InputError if the disk is full.
    """
    temporary = path.with_name(path.name + PARTIAL)
    with explaining_full_disk(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`, which takes its place when the block ends well, and then survives a power loss.

    A kill at any moment leaves the old folder or the new one, each whole. One that falls between the two renames leaves
    none of that name: the next writer puts the old one back first (`restore_folder`). Writers at the same time do not
    disturb each other, the last to end wins. Raises InputError if the disk is full.
    """
    made = folder.with_name(_unique(folder, PARTIAL))
    with explaining_full_disk(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        restore_folder(folder)
        try:
            with ExitStack() as lock:
                with _locked(folder.parent):  # nobody shall take it for a leftover before it is locked
                    made.mkdir()
                    lock.enter_context(_locked(made))
                yield made
                _sync_tree(made)
                _put_in_place(made, folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        finally:
            restore_folder(folder)


def restore_folder(folder: Path) -> None:
    """Undo what a killed `replacing_folder` has left: put the old folder back if there is none, else delete leftovers.

    What a living writer is writing is left alone. Where folders cannot be locked nobody knows, and it stays as well.
    """
    if not folder.parent.exists():
        return
    leftover = re.compile(re.escape(folder.name) + rf"\.[0-9a-f]{{32}}({PARTIAL}|{OLD})")
    superfluous = []
    with _locked(folder.parent):
        found = sorted(path for path in folder.parent.iterdir() if leftover.fullmatch(path.name))
        for path in found:
            if path.suffix == PARTIAL:
                with _locked(path, wait=False) as dead:
                    superfluous += [path] if dead else []
            elif folder.exists():
                superfluous.append(path)
            else:
                path.rename(folder)
    for path in superfluous:
        shutil.rmtree(path, ignore_errors=True)


def _put_in_place(made: Path, folder: Path) -> None:
    with _locked(folder.parent):
        if folder.exists():
            folder.rename(folder.with_name(_unique(folder, OLD)))
        made.rename(folder)
        sync_folder(folder.parent)


def _unique(folder: Path, ending: str) -> str:
    return f"{folder.name}.{uuid4().hex}{ending}"


@contextmanager
def _locked(folder: Path, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of `folder`, which the kernel frees when the process dies; yields whether it is held.

    Without `wait` it is not where another process holds it; nor on file systems that have no locks for folders.
    """
    if fcntl is None:
        yield False
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        except OSError:
            held = False
        yield held
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power loss."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def explaining_full_disk(folder: Path) -> Iterator[None]:
    """Raise InputError, with what is free, where the block fails because nothing more can be written to `folder`."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        free = shutil.disk_usage(there).free / 2**20
        raise InputError(
            f"{folder} takes no more data ({error.strerror}; {free:.1f} MiB are free on its disk): "
            "make room and run again, what was finished is kept"
        ) from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Indented JSON, written atomically."""
    with replacing(path) as file:
        file.write(json.dumps(value, indent=2).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises InputError if it holds none."""
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path} is damaged, it holds no JSON ({error}): delete it and run again") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged, it holds no JSON object: delete it and run again")
    return value
