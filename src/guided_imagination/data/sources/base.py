"""What every source gives: class names, and parts of labelled images that are still encoded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Labelled images in an order that is the same on every machine.

    `load(row)` gives the bytes of an image file; rows in ascending order cost one pass over the source.
    It raises FileNotFoundError where a file that the source lists is missing. `unread` says by id why an image
    cannot be read, where that is known without loading it.
    """

    ids: Sequence[str]
    labels: Labels
    load: Callable[[int], bytes]
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """A source whose parts are opened when they are called; `classes` are its names by label, if it has any.

    `place` is the file or folder to name in messages.
    """

    place: str
    classes: list[str] | None
    parts: Mapping[str, Callable[[], Part]]


def composed(name: str) -> str:
    """The form by which names are compared: file systems write accents in two ways, which are one name."""
    return normalize("NFC", name)


def take(part: Part, rows: Labels) -> Part:
    """Some rows of a part."""
    ids = [part.ids[row] for row in rows]
    return Part(ids, part.labels[rows], lambda row: part.load(int(rows[row])), part.unread)


def concatenate(parts: Sequence[Part]) -> Part:
    """Parts end to end."""
    starts = np.cumsum([0, *(len(part.ids) for part in parts)])

    def load(row: int) -> bytes:
        owner = int(np.searchsorted(starts, row, side="right")) - 1
        return parts[owner].load(row - int(starts[owner]))

    labels = np.concatenate([part.labels for part in parts] or [np.empty(0, np.int64)])
    unread = {name: reason for part in parts for name, reason in part.unread.items()}
    return Part([name for part in parts for name in part.ids], labels, load, unread)
