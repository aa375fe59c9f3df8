"""Files and folders that are either whole or not there, each written by one process at a time."""

import ctypes
import errno
import glob
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from guided_imagination.utils.errors import InputError

logger = logging.getLogger(__name__)
PARTIAL, OLD = ".partial", ".old"
TOKEN = 8  # letters that tell the writers of a folder apart
PATIENCE = 5.0  # seconds that others may take before a wait is worth a word
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# a place where nothing can be written, however much room there is
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP}
CLOSED |= {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}  # what is there is of another kind


def check_name(name: str | os.PathLike[str]) -> None:
    """Raises InputError for a file's name that is not UTF-8, or that this Python takes for another encoding."""
    text, encoding = os.fspath(name), sys.getfilesystemencoding()
    if text.isascii():
        return
    if encoding != "utf-8":
        raise InputError(
            f"{_bytes_of(text)} is not ASCII, and this Python takes names for {encoding}: set the environment variable "
            "PYTHONUTF8=1"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the name {_bytes_of(text)} is not UTF-8: rename it") from error


def _bytes_of(name: str) -> str:
    """A name in quotes, with what is not ASCII as \\x.. or \\u...."""
    try:
        return ascii(os.fsencode(name))[1:]
    except UnicodeEncodeError:  # it was not read from a folder
        return ascii(name)


def check_regular(path: Path) -> Path:
    """`path`. Raises ValueError for what could block whoever opens it, and for a link that leads nowhere."""
    if path.is_file() or not os.path.lexists(path):
        return path
    raise ValueError("it is not a regular file" if path.exists() else "it is a broken link")


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Write to a temporary file beside `path`, which takes its place when the block ends well.

    When the block has ended, the file survives a power loss. Others that write to `path` wait for the end of the
    block. Raises InputError if the disk is full.
    """
    temporary = path.with_name(path.name + PARTIAL)
    with writing_alone(path), explaining_full_disk(path.parent):
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
    """A new folder beside `folder`, which takes its place with all that it holds when the block ends well.

    When the block has ended, the files survive a power loss, and what others have open or mapped of the old ones
    stays as it was. A kill at any moment leaves the old or the new folder whole; what it leaves besides is removed
    by the next writer. Others that write to `folder` wait for the end of the block. Raises InputError if the disk
    is full.
    """
    with writing_alone(folder), explaining_full_disk(folder.parent):
        _tidy(folder)
        temporary = _beside(folder, f".{uuid.uuid4().hex[:TOKEN]}{PARTIAL}")
        temporary.mkdir()
        try:
            yield temporary
            _sync_tree(temporary)
            _swap(temporary, folder)
            sync_folder(folder.parent)
        finally:
            _tidy(folder)


@contextmanager
def writing_alone(path: Path) -> Iterator[None]:
    """Wait until no other thread or process writes to `path`, a file or folder, then hold it; holding nests.

    The folder of `path` is made. The kernel frees the lock of a process that dies, however it dies.
    Raises InputError if the disk is full.
    """
    with explaining_full_disk(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_beside(path.absolute(), ".lock"), is_singleton=True)
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            logger.info("waiting for another process that writes to %s", path)
            lock.acquire()
    try:
        yield
    finally:
        if lock.lock_counter == 1:  # those who wait see that their lock has no name any more, and take a new one
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def restore_folder(folder: Path) -> None:
    """Put back what a killed `replacing_folder` took away, and remove what it left."""
    with writing_alone(folder):
        _tidy(folder)


def _beside(path: Path, ending: str) -> Path:
    """A hidden name: nothing that lists what is beside `path` takes it for data."""
    return path.with_name(f".{path.name}{ending}")


def _tidy(folder: Path) -> None:
    """Remove what dead writers of `folder` have left, and put back the old one if there is no other."""
    old = _beside(folder, OLD)
    if old.exists() and not folder.exists():
        old.rename(folder)
    left = folder.parent.glob(f".{glob.escape(folder.name)}.{'?' * TOKEN}{PARTIAL}")
    for path in (old, *left):
        shutil.rmtree(path, ignore_errors=True)


def _swap(new: Path, folder: Path) -> None:
    """Put `new` in the place of `folder`; an old one is under one of the names that `_tidy` removes then."""
    if not folder.exists():
        new.rename(folder)
    elif not _exchange(new, folder):
        folder.rename(_beside(folder, OLD))
        new.rename(folder)


def _exchange(one: Path, other: Path) -> bool:
    """Whether two paths have changed places in one step, as Linux can on most file systems (renameat2(2))."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def _sync_tree(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            with Path(parent, name).open("rb") as file:
                os.fsync(file.fileno())
        sync_folder(Path(parent))


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
    """Raise InputError where the block fails because nothing, or nothing more, can be written to `folder`.

    Of a full disk it says what is free.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        code, name = _failure(error)
        failed = None if name is None else Path(os.fsdecode(name)).absolute()
        elsewhere = failed is not None and not _on_one_path(failed, folder.absolute())
        if isinstance(error, OSError) and code in CLOSED and failed and not elsewhere:
            place = failed if folder.absolute().is_relative_to(failed) else folder
            why = os.strerror(code)
            if code in (errno.EEXIST, errno.ENOTDIR):  # told of what is there as of what cannot be below it
                place, why = next(at for at in (failed, *failed.parents) if at.exists()), os.strerror(errno.ENOTDIR)
            raise InputError(f"{place} cannot be written to ({why}): use another place or name") from error
        if code not in FULL:
            raise
        folder = failed.parent if failed and elsewhere else folder
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        free = shutil.disk_usage(there).free / 2**20
        raise InputError(
            f"{folder} is out of space ({os.strerror(code)}; {free:.1f} MiB are free on its disk): "
            "free some space and run again, finished work is kept"
        ) from error


def _failure(error: BaseException | None) -> tuple[int, Any]:
    """The number of the disk's failure behind an error, and the name of the file where it is known; else 0 and None.

    Libraries raise errors of their own: torch with that of the disk behind it, safetensors and `shutil.copytree` with
    its number in their words.
    """
    while error is not None:
        said = re.search(r"(?:Errno|os error) (\d+)", str(error))
        code = getattr(error, "errno", None) or (int(said[1]) if said else 0)
        if code:
            return code, getattr(error, "filename", None)
        error = error.__cause__ or error.__context__
    return 0, None


def _on_one_path(failed: Path, folder: Path) -> bool:
    """Whether what failed is `folder`, above it or in it: not something else that was read to write there."""
    return failed.is_relative_to(folder) or folder.is_relative_to(failed)


def check_writable(path: Path) -> None:
    """Raises InputError where no file or folder `path` could be made or replaced; to be called before the work for it.

    Nothing is left behind: what `path` needs is tried in the first folder above it that is there.
    """
    place = path.absolute()
    with explaining_full_disk(path.parent):
        while not place.parent.exists():
            place = place.parent
    with explaining_full_disk(place.parent):
        probe = _beside(place, f".{uuid.uuid4().hex[:TOKEN]}{PARTIAL}")
        probe.mkdir()
        probe.rmdir()


def temporary_place() -> Path:
    """Where temporary files are. Raises InputError if nothing can be written there."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise InputError(f"{error.strerror}: set TMPDIR to a folder that can be written to, and has room") from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that is gone when the block ends. Raises InputError if there is none, or it takes no more data."""
    with explaining_full_disk(temporary_place()), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Indented JSON, written atomically."""
    with replacing(path) as file:
        file.write(json.dumps(value, indent=2).encode() + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises InputError if it holds none."""
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path} is damaged, not valid JSON ({error}): delete it and run again") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged (not a JSON object): delete it and run again")
    return value
