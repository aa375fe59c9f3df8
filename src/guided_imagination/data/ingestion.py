"""From a dataset's settings to its seeds, validation and test images."""

import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from guided_imagination.config.datasets import REST, DatasetSpec, ImagesSpec
from guided_imagination.data.copies import DIGEST, Note, Side, between, digest, firsts, groups, left_out, repeats
from guided_imagination.data.dataset import checksum, class_names, write
from guided_imagination.data.images import SIXTEEN, eight_bits, squeezed
from guided_imagination.data.images import read as read_image
from guided_imagination.data.reuse import EXAMINED, Earlier, Keys, keys
from guided_imagination.data.sources import check_names, open_source
from guided_imagination.data.sources.base import Labels, Opened, Part, concatenate, take
from guided_imagination.data.sources.classes import name_classes, words
from guided_imagination.data.sources.recognition import by_suffix, remedy
from guided_imagination.data.splits import UNUSABLE, drawn_from, read_split, rows_of, split_rows
from guided_imagination.utils.errors import InputError

logger = logging.getLogger(__name__)
CHUNK_IMAGES, CHUNK_BYTES = 64, 2**23
DARK = 2**14  # of 16 bits; what stays below in every image of a dataset has 14 bits or fewer


@dataclass(frozen=True)
class Splits:
    """Seeds to expand, validation data for every choice, test data for the final number only.

    All three have the same classes. `quarantined` are the id and the defect of images that were left out, `copies` the
    ids of images with the same pixels, `notes` what there is to say about these; `keys` tell from what and how the
    splits were made.
    """

    seeds: Dataset
    validation: Dataset
    test: Dataset
    quarantined: list[dict[str, str]]
    copies: list[list[str]]
    notes: list[Note]
    keys: Keys


def read(spec: DatasetSpec, draw: int, folder: Path | None = None) -> Splits:
    """The splits of a dataset; `draw` chooses which seeds and validation images come out of the pool.

    Every image is decoded once, those that cannot be are left out. What an earlier `ingest` has written to `folder`
    is used again: all of it if nothing has changed, or what it found unreadable and twice for another draw.
    Of images with the same pixels only the first takes part in a draw, or it could be a seed and its copy a test image.
    Raises InputError where the source is not as the settings say, and if more than the share `max_unreadable` of
    the images cannot be decoded.
    """
    check_names(spec.source)
    earlier = Earlier.read(folder) if folder else Earlier(Path(), {})
    if earlier.manifest and (made := earlier.splits(wanted := keys(spec, draw))):
        logger.info("%s: unchanged since it was ingested", folder)
        notes = warned(str(folder), [Note(**note) for note in earlier.manifest["notes"]])
        return Splits(**made, **{name: earlier.manifest[name] for name in EXAMINED}, notes=notes, keys=wanted)
    opened = open_source(spec.source)
    raw = _raw_classes(spec, opened)
    classes, relabel = name_classes(raw, spec.names, spec.exclude, opened.place)
    default_test = [part for part in ("test",) if part in opened.parts and part not in [*spec.seeds, *spec.validation]]
    roles = [spec.seeds, spec.validation, spec.test or default_test]
    images, (pool, validation, test) = _gather(spec, opened, relabel, raw, roles)
    wanted = keys(spec, draw)  # after what opening may have downloaded
    known = earlier.examined(wanted)
    if known is None:
        quarantined, digests = _unreadable(images, opened.place, spec.max_unreadable)
        known = quarantined, groups(images.ids, digests)
    quarantined, copies = known
    labels, pixels = _usable(images, quarantined), firsts(images.ids, copies)
    notes = []
    if spec.split is None:
        drawable = labels.copy()
        for drawn in drawn_from(spec, pool, validation, test):
            again, earliest = repeats(pixels, drawn[labels[drawn] != UNUSABLE])
            drawable[again] = UNUSABLE
            notes += warned(opened.place, left_out(images.ids, labels, again, earliest, len(drawn)))
        rows = split_rows(spec, drawable, pool, validation, test, classes, draw)
    else:
        split = read_split(Path(spec.split))
        if split.classes == words(classes, spec.names):  # as 0.5.0 and older wrote it
            split = split.model_copy(update={"classes": classes})
        rows = rows_of(split, images.ids, labels, classes, spec.split, opened.place)
    _check_classes(labels[rows.seeds], labels[rows.test], classes, opened.place)
    parts = {"seed": rows.seeds, "validation image": rows.validation, "test image": rows.test}
    sides = [Side(name, [images.ids[row] for row in part], labels[part], pixels[part]) for name, part in parts.items()]
    notes += warned(opened.place, between(*sides))
    seeds, validation, test = (_store(images, part, classes, spec.fit) for part in parts.values())
    return Splits(seeds, validation, test, quarantined, copies, notes, wanted)


def warned(place: str, notes: list[Note]) -> list[Note]:
    """The notes, once they are in the log."""
    for note in notes:
        logger.warning("%s: %s", place, note)
    return notes


def read_whole(spec: ImagesSpec, opened: Opened, every_class: bool = True) -> tuple[Dataset, NDArray[np.bytes_]]:
    """All images of the parts `spec.seeds` of a source that is open, as `read` stores them: nothing is set aside.

    With them come digests of their pixels. Raises InputError as `read` does, and where a class has no image if
    `every_class` needs one.
    """
    raw = _raw_classes(spec, opened)
    classes, relabel = name_classes(raw, spec.names, spec.exclude, opened.place)
    images, (pool,) = _gather(spec, opened, relabel, raw, [spec.seeds])
    quarantined, digests = _unreadable(images, opened.place, spec.max_unreadable)
    labels = _usable(images, quarantined)
    rows = pool[labels[pool] != UNUSABLE]
    if every_class:
        _check_seeds(labels[rows], classes, opened.place)
    return _store(images, rows, classes, spec.fit), digests[rows]


def _raw_classes(spec: ImagesSpec, opened: Opened) -> list[str]:
    """The source's own names of the classes, by label."""
    raw = spec.classes or opened.classes
    if raw is None:
        raise InputError(f"{opened.place} has no class names: list them by label under classes")
    if opened.classes and list(raw) != list(opened.classes):  # labels would silently be those of other classes
        raise InputError(
            f"classes is for sources without names, {opened.place} has its own ({', '.join(opened.classes)}): leave it "
            "out, and give CLIP other words by names"
        )
    return raw


def _usable(images: Part, quarantined: list[dict[str, str]]) -> Labels:
    """The labels of all images, UNUSABLE for those that cannot be decoded."""
    left_out = {image["id"] for image in quarantined}
    return np.where([name in left_out for name in images.ids], UNUSABLE, images.labels)


def index(splits: Splits) -> dict[str, Any]:
    """What `split` in a dataset's settings reads: the ids of each split, and the names of the classes."""
    named = {"seeds": splits.seeds, "validation": splits.validation, "test": splits.test}
    return {"classes": class_names(splits.seeds), **{name: images["id"][:] for name, images in named.items()}}


def manifest(name: str, spec: DatasetSpec, draw: int, splits: Splits) -> dict[str, Any]:
    """What a dataset has become: its source, its classes, and for each split its size, images per class and checksum.

    `words` are what CLIP is told for the `classes`.
    """
    classes = class_names(splits.seeds)
    named = {"seeds": splits.seeds, "validation": splits.validation, "test": splits.test}
    return {
        "dataset": name,
        "source": spec.source.model_dump(mode="json"),
        "draw": draw,
        "split": spec.split,
        "classes": classes,
        "words": words(classes, spec.names),
        "splits": {part: _summary(images) for part, images in named.items()},
        **{name: getattr(splits, name) for name in EXAMINED},
        "notes": [asdict(note) for note in splits.notes],
        "keys": asdict(splits.keys),
    }


def _summary(images: Dataset) -> dict[str, Any]:
    counts = Counter(images["label"][:])
    per_class = [counts[label] for label in range(len(class_names(images)))]
    return {
        "images": len(images),
        "images_per_class": {"min": min(per_class), "max": max(per_class)},
        "checksum": checksum(images),
    }


def _gather(
    spec: ImagesSpec, opened: Opened, relabel: Labels, raw: list[str], roles: Sequence[Sequence[str]]
) -> tuple[Part, list[Labels]]:
    """The images of all roles, which are parts by name, with their final labels, and the rows of each role."""
    gathered, bounds = [], [0]
    for names in roles:
        part = concatenate([_part(spec, opened, name, raw) for name in names if name != REST])
        part = replace(part, labels=relabel[part.labels])
        gathered.append(take(part, np.flatnonzero(part.labels >= 0)))
        bounds.append(bounds[-1] + len(gathered[-1].ids))
    images = concatenate(gathered)
    twice = [name for name, times in Counter(images.ids).items() if times > 1]
    if twice:
        raise InputError(f"{opened.place}: ids must be unique, but {twice[0]!r} is not ({len(twice)} such ids)")
    return images, [np.arange(*pair) for pair in pairwise(bounds)]


def _part(spec: ImagesSpec, opened: Opened, name: str, raw: list[str]) -> Part:
    """One part whose size and labels are as they should be."""
    if name not in opened.parts:
        raise InputError(f"{opened.place} has no part {name!r}; it has {', '.join(opened.parts)}")
    part = opened.parts[name]()
    expected = (spec.sizes or {}).get(name)
    readable = len(part.ids) - len(part.unread)
    if expected is not None and readable != expected:
        raise InputError(
            f"{opened.place} has {readable} images in {name!r} instead of {expected}: if it was downloaded, "
            f"move it away and run again; or set sizes to null to work with what is there"
        )
    wrong = np.flatnonzero((part.labels < 0) | (part.labels >= len(raw)))
    if len(wrong):
        first = int(wrong[0])
        raise InputError(
            f"{opened.place}: the label of {len(wrong)} images is out of range, e.g. {part.labels[first]} of "
            f"{part.ids[first]!r}; allowed: 0 to {len(raw) - 1} ({len(raw)} classes)"
        )
    return part


def _unreadable(images: Part, place: str, max_unreadable: float) -> tuple[list[dict[str, str]], NDArray[np.bytes_]]:
    """Id and defect of images that cannot be decoded, and digests of the pixels of all others.

    Raises InputError if they are too many, or if images of 16 bits are all dark: cameras and scanners write 10 to
    14 bits into them, which one image cannot be told from, but a dataset can.
    """
    quarantined, digests = [], np.zeros(len(images.ids), DIGEST)
    allowed = max_unreadable * len(images.ids)
    unread = [name for name in images.ids if name in images.unread]
    if unread:
        counts = f"{len(unread)} of {len(images.ids)} images cannot be read ({by_suffix(unread)}; e.g. {unread[0]!r})"
        if len(unread) > allowed:
            raise InputError(
                f"{place}: {counts}, more than max_unreadable = {max_unreadable:g} allows: {remedy(unread)}"
            )
        logger.warning("%s: %s and are skipped: %s", place, counts, remedy(unread))
    deep: list[int] = []
    for row, (name, found) in enumerate(zip(images.ids, _looked_at(images, place), strict=True)):
        if not isinstance(found, str):
            digests[row], brightest = found
            if brightest is not None:
                deep.append(brightest)
        else:
            if name not in images.unread:
                logger.warning("%s: the image %r is skipped, because it cannot be read (%s)", place, name, found)
            quarantined.append({"id": name, "reason": found})
        if len(quarantined) > allowed:
            raise InputError(
                f"{place}: {len(quarantined)} of the first {row + 1} images cannot be read, more than "
                f"max_unreadable = {max_unreadable:g} of all {len(images.ids)} allows; "
                f"the last is {name!r} ({quarantined[-1]['reason']})"
            )
    if deep and 0 < max(deep) < DARK:  # black is black in any range
        raise InputError(
            f"{place}: no value of its {len(deep)} images of 16 bits is above {max(deep)} of {SIXTEEN}, they would "
            "be nearly black: scale them to 16 bits, convert them to 8, or give the TIFF tag SMaxSampleValue"
        )
    return quarantined, digests


Found = tuple[bytes, int | None] | str  # a digest and the brightest value of 16 bits, if it has any; or what is wrong


def _looked_at(images: Part, place: str) -> Iterator[Found]:
    """What decoding each image finds, in their order: read one after another, decoded by all processors."""
    workers = os.cpu_count() or 1
    pool, pending = ThreadPoolExecutor(workers), deque[Future[list[Found]]]()
    try:
        for chunk in _chunks(images, place):
            pending.append(pool.submit(_look, chunk))
            if len(pending) > 2 * workers:
                yield from pending.popleft().result()
        for future in pending:
            yield from future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(images: Part, place: str) -> Iterator[list[bytes | str]]:
    """Image files, or why they cannot be had, so many that their bytes fit into memory many times."""
    chunk: list[bytes | str] = []
    size = 0
    for row in range(len(images.ids)):
        reason = images.unread.get(images.ids[row])
        try:
            content = images.load(row) if reason is None else reason
        except InputError:
            raise
        except FileNotFoundError as error:
            raise InputError(
                f"{place} is incomplete, {error.filename} is missing: if it was downloaded, move it away and run again"
            ) from error
        except Exception as error:  # what a reader of broken bytes raises is not known beforehand
            chunk.append(str(error))
        else:
            chunk.append(content)
            size += len(content)
        if len(chunk) == CHUNK_IMAGES or size > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    yield chunk


def _look(chunk: list[bytes | str]) -> list[Found]:
    found: list[Found] = []
    for content in chunk:
        try:
            if isinstance(content, bytes):
                picture = read_image(content)
                found.append((digest(picture.rgb), picture.brightest))
            else:
                found.append(content)
        except ValueError as error:
            found.append(str(error))
    return found


def _check_classes(seeds: Labels, test: Labels, classes: list[str], place: str) -> None:
    _check_seeds(seeds, classes, place)
    for label in sorted(set(range(len(classes))) - set(test.tolist())):
        logger.warning("%s: no test image of class %r", place, classes[label])


def _check_seeds(seeds: Labels, classes: list[str], place: str) -> None:
    for label in sorted(set(range(len(classes))) - set(seeds.tolist())):
        raise InputError(f"{place}: the class {classes[label]!r} has no image among the seeds")


def _store(images: Part, rows: Labels, classes: list[str], fit: str) -> Dataset:
    def stored(row: int) -> bytes:
        content = eight_bits(images.load(row))
        return squeezed(content) if fit == "squeeze" else content

    return write(((images.ids[row], stored(row), int(images.labels[row])) for row in rows.tolist()), classes)
