"""Index files: the ids of seeds, validation and test images, to use the same ones again."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from guided_imagination.config.strict import Strict
from guided_imagination.errors import InputError
from guided_imagination.sources.base import Labels
from guided_imagination.splits import UNUSABLE, Rows


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
        raise InputError(f"{path} is no split; needed: lists called classes, seeds, validation and test") from error


def rows_of(
    split: SplitFile, ids: Sequence[str], labels: Labels, classes: Sequence[str], path: str, place: str
) -> Rows:
    """The rows that a split names, without unreadable ones.

    Raises InputError for other classes than the dataset's, unknown ids, and ids that are named twice.
    """
    if split.classes != list(classes):
        raise InputError(f"the split {path} is one of the classes {split.classes}, {place} has {list(classes)}")
    named = [*split.seeds, *split.validation, *split.test]
    number = {name: row for row, name in enumerate(ids)}
    unknown = [name for name in named if name not in number]
    if unknown:
        raise InputError(f"the split {path} names {len(unknown)} images that {place} has not, e.g. {unknown[0]!r}")
    twice = [name for name, times in Counter(named).items() if times > 1]
    if twice:
        raise InputError(f"the split {path} names {len(twice)} images more than once, e.g. {twice[0]!r}")

    def rows(names: list[str]) -> Labels:
        found = np.array(sorted(number[name] for name in names), dtype=np.int64)
        return found[labels[found] != UNUSABLE]

    return Rows(rows(split.seeds), rows(split.validation), rows(split.test))
