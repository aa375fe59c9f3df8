"""What every typed setting shares."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# Keys of earlier versions, by the end of their place, with what to do instead.
GONE = {
    "compute.attention_slicing": "remove the key, PyTorch's attention needs no more memory without it",
    "compute.workers.share": (
        "remove the key, and run one row per job with --namespaces DATASET.METHOD, or set compute.workers.engine to ray"
    ),
    "selection.by": "remove the key, selection is always greedy",
    "train.zero_shot": "name the encoder in train.guide, and what is shown of it in train.references",
}

Share = Annotated[float, Field(ge=0, le=1)]
Cosine = Annotated[float, Field(ge=-1, le=1)]
Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


def _numbers(value: object) -> object:
    """A number, or text such as "0-7" and "0 2 5", as a list."""
    if isinstance(value, int):
        return [value]
    if not isinstance(value, str):
        return value
    found: list[int] = []
    for part in value.split():
        ends = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if ends is None:
            raise ValueError(f"{part!r} is neither a number nor a range: write 3 or 0-7")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        found += range(first, last + 1)
    return found


T = TypeVar("T")


def _all_different(values: list[T]) -> list[T]:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{value!r} is listed more than once")
    return values


# `--params` takes no brackets: `datasets=pets`, `datasets="pets cars"`
Names = Annotated[
    list[str],
    BeforeValidator(lambda value: value.split() if isinstance(value, str) else value),
    AfterValidator(_all_different),
    Field(min_length=1),
]
_LISTED = BeforeValidator(_numbers), AfterValidator(_all_different), Field(min_length=1)
Numbers = Annotated[list[Annotated[int, Field(ge=0)]], *_LISTED]
Counts = Annotated[list[Count], *_LISTED]


def without_nulls(value: object) -> object:
    """Rows by name, without those that an environment leaves out."""
    return {name: row for name, row in value.items() if row is not None} if isinstance(value, Mapping) else value


class Strict(BaseModel):
    """Frozen, and unknown keys are errors. The docstring below a field describes it, in docs/parameters.md too."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def __str__(self) -> str:
        return self.model_dump_json()  # what MLflow shows of a parameter

    def overridden(self, changes: Mapping[str, Any]) -> Self:
        """A checked copy in which `changes`, nested as in YAML, take the place of values of the same key."""
        return type(self).model_validate(merged(self.model_dump(), changes)) if changes else self


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with the values of `new` in place of those of the same key, nested as in YAML."""
    both = {
        key: merged(old[key], value) if isinstance(value, Mapping) and isinstance(old.get(key), Mapping) else value
        for key, value in new.items()
    }
    return {**old, **both}


def gone(place: str) -> str | None:
    """What to do instead of a key of an earlier version."""
    return next((advice for key, advice in GONE.items() if f".{place}".endswith(f".{key}")), None)


def problem(error: Mapping[str, Any], before: str) -> str:
    """What an error of pydantic's says, with the place of the key after `before`, "methods.mae.recipe." or such."""
    place = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden" and (advice := gone(place)):
        return f"{before}{place} is gone: {advice}"
    return f"{f'{before}{place}'.rstrip(':. ')}: {error['msg'].removeprefix('Value error, ')}"
