"""Lists of images that someone has looked at and does not want: left out of training and export."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from guided_imagination.config.rows import ExpansionSettings
from guided_imagination.config.strict import Strict
from guided_imagination.expansion.store import Expansion, Image, is_complete
from guided_imagination.utils.errors import InputError, first_line


class Weed(Strict):
    """One new image: the row of the tables that it is of, its seed, its number."""

    method: str
    seed_id: str
    variant: int = Field(ge=0)


class WeedList(Strict):
    """Images of the expansions of one draw of a dataset, as the report's page writes them.

    `expansions` are the checksums of what was looked at, by method: without one, nobody can tell whether the images of
    these names are still the same.
    """

    dataset: str
    draw: int = Field(0, ge=0)
    expansions: dict[str, str] = Field({})
    weed: list[Weed]

    def of(self, method: str) -> set[Image]:
        return {(weed.seed_id, weed.variant) for weed in self.weed if weed.method == method}


def read_list(path: str, dataset: str) -> WeedList:
    """A list for `dataset`. Raises InputError for anything else."""
    try:
        found = WeedList.model_validate(json.loads(Path(path).read_bytes()))
    except OSError as error:
        raise _wrong(dataset, path, f"cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise _wrong(dataset, path, f"is no list of images to weed ({where}: {first['msg']})") from error
    except ValueError as error:
        raise _wrong(dataset, path, f"is no list of images to weed, it holds no JSON ({error})") from error
    if found.dataset != dataset:
        raise _wrong(dataset, path, f"is a list for the dataset {found.dataset!r}")
    return found


def weeded(expanded: Expansion, paths: Sequence[str], dataset: str, draw: int, method: str) -> Expansion:
    """`expanded` without the images that the lists name. Raises InputError for a list that is not about it."""
    left = expanded
    for path in paths:
        found = read_list(path, dataset)
        named = found.of(method) if found.draw == draw else set()
        if not named:
            continue
        if found.expansions.get(method, expanded.checksum) != expanded.checksum:
            words = f"was made of other images than {expanded.folder} holds now: look at those in the report, and "
            raise _wrong(dataset, path, f"{words}download its list again")
        try:
            left = left.without(named - left.weeded)
        except InputError as error:
            raise _wrong(dataset, path, f"names what is not there: {first_line(error)}") from error
    return left


def check(expanded: Expansion, row: ExpansionSettings, methods: Collection[str]) -> None:
    """Raises InputError for a wrong list of a row before any work; methods: those that make images.

    Of an expansion that is yet to be made, only the numbers of variants can be checked.
    """
    for path in row.spec.weed:
        found = read_list(path, row.dataset)
        for weed in found.weed:
            if weed.method not in methods:
                allowed = f"which has no new images here; allowed: {', '.join(methods)}"
                raise _wrong(row.dataset, path, f"names the row {weed.method!r}, {allowed}")
            if (found.draw, weed.method) == (row.draw, row.method) and weed.variant >= row.ratio:
                there = f"{row.method} has {row.ratio} variants of each seed, numbered from 0"
                named = f"names variant {weed.variant} of seed {weed.seed_id!r}"
                raise _wrong(row.dataset, path, f"{named}, but {there}")
    if is_complete(expanded.folder):
        weeded(expanded, row.spec.weed, row.dataset, row.draw, row.method)


def _wrong(dataset: str, path: str, words: str) -> InputError:
    return InputError(f"dataset_specs.{dataset}.weed: {path} {words}")
