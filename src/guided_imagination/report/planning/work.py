"""How much there is to do, from settings and the numbers of images alone: no model is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from datasets import Dataset

from guided_imagination.config.rows import ORIGINALS, AdaptSettings, RowSettings
from guided_imagination.expansion.plan import AUGMENTED_PER_SHARD
from guided_imagination.training.grid import cells_of
from guided_imagination.training.recipe import updates

Stage = Literal["adapt", "prepare", "expand", "train", "evaluate", "audit"]
TRAINING: tuple[Stage, ...] = ("train", "evaluate")
UNITS: dict[Stage, str] = {
    "adapt": "updates",
    "prepare": "seeds",
    "expand": "images",
    "train": "images",
    "evaluate": "images",
    "audit": "images",
}


@dataclass(frozen=True)
class Place:
    """One draw of a dataset and all that will be done with it; `name` is that of the draw."""

    name: str
    dataset: str
    seeds: Dataset
    validation: Dataset
    test: Dataset
    rows: Sequence[RowSettings]
    adapts: Sequence[AdaptSettings]


@dataclass(frozen=True)
class Work:
    """`units` of a stage, done in `parts` that workers may share; each part has something to begin with.

    `name` says what is done, and has a speed of its own: a row's images, or a network and its recipe.
    """

    place: str
    row: str
    stage: Stage
    name: str
    parts: int
    units: int


def work_of(place: Place) -> Iterator[Work]:
    """In the order in which it will be done. What takes seconds in all, as tables and figures, is left out."""
    for adapt in place.adapts:
        assert adapt.expander.config.adapt is not None
        steps = adapt.expander.config.adapt.steps
        yield Work(place.name, adapt.pipeline, "adapt", adapt.pipeline, 1, steps)
    for row in place.rows:
        yield from _row(place, row)


def _row(place: Place, row: RowSettings) -> Iterator[Work]:
    seeds, images = len(place.seeds), len(place.seeds) * row.ratio
    if row.ratio != ORIGINALS:
        per_shard = row.expander.config.seeds_per_shard if row.expander else AUGMENTED_PER_SHARD
        yield Work(place.name, row.method, "prepare", row.method, 1, seeds)
        yield Work(place.name, row.method, "expand", row.method, -(-seeds // per_shard), images)
    yield from _training(place, row)
    looked_at = min(images, row.audit.images) if images else seeds + min(len(place.validation), row.audit.images)
    yield Work(place.name, row.method, "audit", "audit", 1, looked_at)


def _training(place: Place, row: RowSettings) -> Iterator[Work]:
    settings = row.training
    largest = len(place.seeds) * (1 + settings.largest_ratio)
    measured = place.test if settings.grid.evaluate_on == "test" else place.validation
    cells = [cell for cell in cells_of(row) if cell.seed == 0]  # of all runs, which are alike
    for cell in cells:
        recipe = settings.recipes[cell.architecture][cell.recipe].resolved(largest)
        count = settings.grid.seeds * updates(recipe, len(place.seeds) * (1 + cell.ratio)) * recipe.batch_size
        seen = settings.grid.seeds * (len(measured) + settings.grid.log_points * len(place.validation))
        name = f"{cell.architecture} {cell.recipe}"
        yield Work(place.name, row.method, "train", name, settings.grid.seeds, count)
        yield Work(place.name, row.method, "evaluate", name, settings.grid.seeds, seen)


def decoded_bytes(places: Sequence[Place]) -> int:
    """Of the decoded images that the largest row trains on."""
    sizes = [len(place.seeds) * (1 + row.ratio) * 3 * row.spec.resolution**2 for place in places for row in place.rows]
    return max(sizes, default=0)
