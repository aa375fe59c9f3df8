"""Which images are seeds, validation and test: draws that are the same on every machine."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from guided_imagination.config.datasets import REST, DatasetSpec
from guided_imagination.errors import InputError
from guided_imagination.randomness import generator
from guided_imagination.sources.base import Labels

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
    drawn = []
    for label, (name, count) in enumerate(zip(classes, counts, strict=True)):
        members = order[labels[order] == label]
        if len(members) < count:
            raise InputError(f"class {name!r} has {len(members)} images, {count} were asked for")
        drawn.append(members[:count])
    chosen = np.sort(np.concatenate(drawn))
    return chosen, np.setdiff1d(np.arange(len(labels)), chosen)


def quotas(labels: Labels, total: int, classes: Sequence[str]) -> list[int]:
    """How many of `total` fall to each class: in proportion to its images, largest remainders first.

    Raises InputError if there are fewer images than `total`.
    """
    sizes = [int((labels == label).sum()) for label in range(len(classes))]
    if total > sum(sizes):
        raise InputError(f"{total} images were asked for, there are {sum(sizes)}")
    shares = [divmod(total * size, sum(sizes)) for size in sizes]
    missing = total - sum(whole for whole, _ in shares)
    largest = sorted(range(len(sizes)), key=lambda label: (-shares[label][1], label))[:missing]
    return [whole + (label in largest) for label, (whole, _) in enumerate(shares)]


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
