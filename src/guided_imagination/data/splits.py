"""Which images are seeds, validation and test: draws that are the same on every machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError

from guided_imagination.config.datasets import REST, DatasetSpec
from guided_imagination.config.strict import Strict
from guided_imagination.data.sources.base import Labels
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import generator

UNUSABLE = -1  # the label of an image that is never drawn


@dataclass(frozen=True)
class Rows:
    """Row numbers of each split, ascending."""

    seeds: Labels
    validation: Labels
    test: Labels


def draw(labels: Labels, counts: Sequence[int], classes: Sequence[str], *seed: object) -> tuple[Labels, Labels]:
    """Row numbers of a seeded draw of `counts[label]` images of every class, and those of the rest, both ascending.

    The order of all rows is drawn, usable or not: what an unreadable image changes is who stands in for it.
    Raises InputError if a class has fewer images.
    """
    order = torch.randperm(len(labels), generator=generator(*seed)).numpy()
    by_class = order[np.argsort(labels[order], kind="stable")]  # class after class, each in the order drawn
    sizes = _sizes(labels, len(classes))
    for name, size, count in zip(classes, sizes.tolist(), counts, strict=True):
        if size < count:
            raise InputError(f"class {name!r} has {size} images, but {count} were requested")
    starts = np.searchsorted(labels[by_class], np.arange(len(classes)))
    # of each class the numbers 0 to count - 1 in its part of by_class
    places = np.repeat(starts, counts) + np.concatenate([np.arange(count) for count in counts])
    taken = np.zeros(len(labels), dtype=bool)
    taken[by_class[places]] = True
    return np.flatnonzero(taken), np.flatnonzero(~taken)


def _sizes(labels: Labels, classes: int) -> Labels:
    """Images of each class."""
    return np.bincount(labels[labels != UNUSABLE], minlength=classes)[:classes]


def quotas(labels: Labels, total: int, classes: Sequence[str]) -> list[int]:
    """How many of `total` fall to each class: in proportion to its images, largest remainders first.

    Raises InputError if there are fewer images than `total`.
    """
    sizes = _sizes(labels, len(classes)).tolist()
    if total > sum(sizes):
        raise InputError(f"{total} images were requested, but there are only {sum(sizes)}")
    shares = [divmod(total * size, sum(sizes)) for size in sizes]
    missing = total - sum(whole for whole, _ in shares)
    largest = set(sorted(range(len(sizes)), key=lambda label: (-shares[label][1], label))[:missing])
    return [whole + (label in largest) for label, (whole, _) in enumerate(shares)]


def drawn_from(spec: DatasetSpec, pool: Labels, validation: Labels, test: Labels) -> list[Labels]:
    """Of the rows of the three roles those of which `split_rows` draws some."""
    from_pool = spec.validation == [REST]
    no_test = not spec.test and not len(test)
    pool_is_drawn = no_test or spec.draws_seeds or (from_pool and bool(spec.validation_per_class))
    return [pool] * pool_is_drawn + [validation] * (not from_pool and bool(spec.validation_per_class))


def split_rows(
    spec: DatasetSpec,
    labels: Labels,
    pool: Labels,
    validation: Labels,
    test: Labels,
    classes: Sequence[str],
    number: int,
) -> Rows:
    """Draw number `number` of the splits from the rows of the three roles; `labels` are those of all rows.

    A share of the pool that stands in for missing test images is the same for every draw.
    """
    if not spec.test and not len(test):
        total = round(spec.test_share * int((labels[pool] != UNUSABLE).sum()))
        test, pool = _draw(labels, pool, quotas(labels[pool], total, classes), classes, "test")
    wanted = _per_class(spec.validation_per_class or 0, classes)
    from_pool = spec.validation == [REST]
    if not from_pool and spec.validation_per_class is not None:
        validation, _ = _draw(labels, validation, wanted, classes, "validation", number)
    if spec.draws_seeds:
        seeds, rest = _draw(labels, pool, _seeds(spec, labels[pool], classes), classes, "seeds", number)
        if from_pool:
            validation, rest = _draw(labels, rest, wanted, classes, "validation", number)
    else:
        # all are seeds, but for those that validation takes first
        seeds, rest = pool, pool[:0]
        if from_pool:
            validation, seeds = _draw(labels, pool, wanted, classes, "validation", number)
    if spec.test == [REST]:
        test = rest
    return Rows(*(rows[labels[rows] != UNUSABLE] for rows in (seeds, validation, test)))


def _seeds(spec: DatasetSpec, labels: Labels, classes: Sequence[str]) -> list[int]:
    if spec.seeds_total is not None:
        return quotas(labels, spec.seeds_total, classes)
    return _per_class(spec.seeds_per_class or 0, classes)


def _per_class(count: int, classes: Sequence[str]) -> list[int]:
    return [count] * len(classes)


def _draw(
    labels: Labels, rows: Labels, counts: Sequence[int], classes: Sequence[str], *seed: object
) -> tuple[Labels, Labels]:
    """`draw` among some of the rows."""
    chosen, rest = draw(labels[rows], counts, classes, *seed)
    return rows[chosen], rows[rest]


class SplitFile(Strict):
    """Ids of the images of each split, and the classes in label order."""

    classes: list[str]
    seeds: list[str]
    validation: list[str]
    test: list[str]


def read_split(path: Path) -> SplitFile:
    """An index file. Raises InputError if it is missing or something else."""
    try:
        return SplitFile.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"the split {path} does not exist") from error
    except ValidationError as error:
        raise InputError(
            f"{path} is not a split file; needed: lists called classes, seeds, validation and test"
        ) from error


def rows_of(
    split: SplitFile, ids: Sequence[str], labels: Labels, classes: Sequence[str], path: str, place: str
) -> Rows:
    """The rows that a split names, without unreadable ones.

    Raises InputError for other classes than the dataset's, unknown ids, and ids that are named twice.
    """
    if split.classes != list(classes):
        raise InputError(
            f"the split {path} is one of the classes {split.classes}, {place} has {list(classes)}: name the classes in "
            "the split as the source does, in its order, or draw a new split"
        )
    named = [*split.seeds, *split.validation, *split.test]
    number = {name: row for row, name in enumerate(ids)}
    unknown = [name for name in named if name not in number]
    if unknown:
        raise InputError(f"the split {path} names {len(unknown)} images that are not in {place}, e.g. {unknown[0]!r}")
    twice = [name for name, times in Counter(named).items() if times > 1]
    if twice:
        raise InputError(f"the split {path} names {len(twice)} images more than once, e.g. {twice[0]!r}")

    def rows(names: list[str]) -> Labels:
        found = np.array(sorted(number[name] for name in names), dtype=np.int64)
        return found[labels[found] != UNUSABLE]

    return Rows(rows(split.seeds), rows(split.validation), rows(split.test))
