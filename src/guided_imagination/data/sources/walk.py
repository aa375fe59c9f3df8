"""The files below a folder, whatever links, pipes and names it holds."""

import errno
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_name

logger = logging.getLogger(__name__)
WAYS = 100  # links that lead to one folder: more are a tangle, in which the number of paths can grow without end


def files_below(root: Path, strict: bool = True) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Paths below `root`, with / between names, of all that is not a folder; hidden ones are left out.

    Links are followed, but for those to a folder that they lie in. Raises InputError for a folder that cannot be
    listed, one that more than `WAYS` paths lead to, and a name that is not UTF-8; without `strict` these are passed by.
    """
    if strict:
        check_name(root)
    ways: Counter[tuple[int, int]] = Counter()
    try:
        real = root.resolve()
        pending = [("", frozenset(map(_identity, (real, *real.parents))))]
    except OSError as error:
        raise _unlistable(root, error) from error
    while pending:
        inside, above = pending.pop()
        for entry in _listed(root / inside, strict):
            path = inside + entry.name
            if is_hidden(entry.name):
                continue
            if strict:
                check_name(entry.path)
            try:
                known = _identity(entry) if holds(entry.is_dir) else None
            except OSError as error:
                if strict:
                    raise _unlistable(entry.path, error) from error
                continue
            if known is None:
                yield path, entry
            elif known in above:
                logger.info("%s is a link to one of its own parent folders: not followed", entry.path)
            elif ways[known] < WAYS:
                ways[known] += 1
                pending.append((path + "/", above | {known}))
            elif strict:
                raise InputError(f"more than {WAYS} paths lead to the folder {entry.path}: remove some of the links")


def is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def holds(question: Callable[[], bool]) -> bool:
    """The answer of a DirEntry's `is_dir` or `is_file`, False for a link to itself; raises OSError if none is had."""
    try:
        return question()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def _listed(folder: Path, strict: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        if strict:
            raise _unlistable(folder, error) from error
        return []


def _unlistable(folder: str | Path, error: OSError) -> InputError:
    return InputError(
        f"the folder or link {folder} cannot be read ({error.strerror}): make it readable, or move it away"
    )


def _identity(place: Path | os.DirEntry[str]) -> tuple[int, int]:
    state = place.stat()
    return state.st_dev, state.st_ino
