"""Images with the same pixels, whatever files they are in: where they stand on two sides, or have two labels."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from guided_imagination.data.sources.base import Labels

DIGEST = "S16"  # the type of an array of digests; of an image that cannot be decoded it is empty
EXAMPLES = 3


@dataclass(frozen=True)
class Note:
    """What there is to say about copies, and some of them."""

    said: str
    examples: Sequence[str]

    def __str__(self) -> str:
        return f"{self.said} ({'; '.join(self.examples)})"


@dataclass(frozen=True)
class Side:
    """Images of one use; `name` is that of one of them, `pixels` are equal where the pixels of two images are."""

    name: str
    ids: Sequence[str]
    labels: Labels
    pixels: NDArray[Any]


def digest(picture: Image.Image) -> bytes:
    """16 bytes of the size and pixels of an RGB picture."""
    made = hashlib.blake2b(repr(picture.size).encode(), digest_size=16)
    made.update(picture.tobytes())
    return made.digest()


def groups(ids: Sequence[str], digests: NDArray[np.bytes_]) -> list[list[str]]:
    """The ids of images of which there are several, in their order."""
    _, number, counts = np.unique(digests, return_inverse=True, return_counts=True)
    found: dict[int, list[str]] = {}
    for row in np.flatnonzero((counts[number] > 1) & (digests != b"")).tolist():
        found.setdefault(int(number[row]), []).append(ids[row])
    return list(found.values())


def firsts(ids: Sequence[str], grouped: Iterable[Sequence[str]]) -> Labels:
    """For each image the first row with the same pixels, from what `groups` gave."""
    first = np.arange(len(ids))
    leader = {name: names[0] for names in grouped for name in names}
    rows = {name: row for row, name in enumerate(ids) if name in leader}
    for name, row in rows.items():
        first[row] = rows[leader[name]]
    return first


def repeats(pixels: NDArray[Any], rows: Labels) -> tuple[Labels, Labels]:
    """Those of `rows` that show what an earlier one of them shows, and for each the earliest."""
    _, index, number = np.unique(pixels[rows], return_index=True, return_inverse=True)
    earliest = rows[index[number]]
    again = earliest != rows
    return rows[again], earliest[again]


def left_out(ids: Sequence[str], labels: Labels, copies: Labels, earliest: Labels, total: int) -> list[Note]:
    """That `copies` of `earliest` take no part in a draw from `total` images."""
    notes = []
    other = labels[copies] != labels[earliest]
    for chosen, one, several in (
        (~other, "is a copy of another", "are copies of others"),
        (other, "is a copy of one with another label", "are copies of others with another label"),
    ):
        pairs = list(zip(earliest[chosen].tolist(), copies[chosen].tolist(), strict=True))
        if pairs:
            are = f"{one} and is" if len(pairs) == 1 else f"{several} and are"
            said = f"{len(pairs):,} of {total:,} images {are} left out of the draw"
            notes.append(Note(said, [f"{ids[row]!r} of {ids[copied]!r}" for copied, row in pairs[:EXAMPLES]]))
    return notes


def between(*sides: Side) -> list[Note]:
    """For each pair of sides how many images of the later one are on both, and how many images have several labels."""
    shared = [note for pair in combinations(sides, 2) for note in _shared(*pair)]
    return [*shared, *_several_labels(sides)]


def _shared(one: Side, other: Side) -> list[Note]:
    rows = np.flatnonzero(np.isin(other.pixels, one.pixels)).tolist()
    if not rows:
        return []
    said = (
        f"{len(rows):,} of {len(other.ids):,} {other.name}s {'has' if len(rows) == 1 else 'have'} the same pixels as "
        f"{one.name}s, so what is measured on them says little about new images"
    )
    twins = [int(np.flatnonzero(one.pixels == other.pixels[row])[0]) for row in rows[:EXAMPLES]]
    examples = [
        f"the {other.name} {other.ids[row]!r} and the {one.name} {one.ids[twin]!r}"
        for row, twin in zip(rows, twins, strict=False)
    ]
    return [Note(said, examples)]


def _several_labels(sides: Sequence[Side]) -> list[Note]:
    ids = [name for side in sides for name in side.ids]
    labels = np.concatenate([side.labels for side in sides])
    copies, earliest = repeats(np.concatenate([side.pixels for side in sides]), np.arange(len(ids)))
    other = labels[copies] != labels[earliest]
    images, index = np.unique(earliest[other], return_index=True)
    if not len(images):
        return []
    pairs = list(zip(images.tolist(), copies[other][index].tolist(), strict=True))[:EXAMPLES]
    examples = [f"{ids[first]!r} and {ids[second]!r}" for first, second in pairs]
    is_there = "image is" if len(images) == 1 else "images are"
    return [Note(f"{len(images):,} {is_there} there with more than one label", examples)]
