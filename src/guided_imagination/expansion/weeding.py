"""Lists of images that someone has looked at and does not want: left out of training and export."""

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

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


def read_list(path: str, dataset: str, methods: Collection[str] | None = None) -> WeedList:
    """A list for `dataset`, whose rows are `methods` (None: not asked). Raises InputError for anything else."""
    place = f"dataset_specs.{dataset}.weed"
    try:
        found = WeedList.model_validate(json.loads(Path(path).read_bytes()))
    except OSError as error:
        raise InputError(f"{place}: {path} cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{place}: {path} is no list of images to weed ({where}: {first['msg']})") from error
    except ValueError as error:
        raise InputError(f"{place}: {path} is no list of images to weed, it holds no JSON ({error})") from error
    if found.dataset != dataset:
        raise InputError(f"{place}: {path} is a list for the dataset {found.dataset!r}")
    for weed in found.weed:
        if methods is not None and weed.method not in methods:
            raise InputError(
                f"{place}: {path} names the row {weed.method!r}, which has no new images here; "
                f"allowed: {', '.join(methods)}"
            )
    return found


def weeded(expanded: Expansion, paths: Sequence[str], dataset: str, draw: int, method: str) -> Expansion:
    """`expanded` without the images that the lists name. Raises InputError for a list that is not about it."""
    lists = [(path, read_list(path, dataset)) for path in paths]
    left = expanded
    for path, found in lists:
        named = found.of(method) if found.draw == draw else set()
        if not named:
            continue
        if found.expansions.get(method, expanded.checksum) != expanded.checksum:
            raise InputError(
                f"dataset_specs.{dataset}.weed: {path} was made of other images than {expanded.folder} holds now: look "
                "at those in the report, and download its list again"
            )
        try:
            left = left.without(named - left.weeded)
        except InputError as error:
            raise InputError(
                f"dataset_specs.{dataset}.weed: {path} names what is not there: {first_line(error)}"
            ) from error
    return left


def check(
    paths: Sequence[str], dataset: str, methods: Collection[str], rows: Sequence[tuple[Expansion, int, str, int]]
) -> None:
    """Raises InputError for a wrong list before any work; methods: those that make images.

    rows: expansion, draw, method and ratio of what will be read. Of an expansion that is yet to be made, only the
    numbers of variants can be checked.
    """
    lists = [(path, read_list(path, dataset, methods)) for path in paths]
    for expanded, draw, method, ratio in rows:
        if is_complete(expanded.folder):
            weeded(expanded, paths, dataset, draw, method)
        for path, found in lists:
            beyond = [weed for weed in found.weed if weed.method == method and weed.variant >= ratio]
            if beyond and found.draw == draw:
                raise InputError(
                    f"dataset_specs.{dataset}.weed: {path} names variant {beyond[0].variant} of seed "
                    f"{beyond[0].seed_id!r}, but {method} has {ratio} variants of each seed, numbered from 0"
                )
