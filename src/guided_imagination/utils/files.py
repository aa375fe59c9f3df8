"""Files that are either whole or not there."""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from guided_imagination.utils.errors import InputError

PARTIAL = ".partial"
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
