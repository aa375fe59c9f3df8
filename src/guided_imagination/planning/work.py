"""How much there is to do, from settings and the numbers of images alone: no model is asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from datasets import Dataset

from guided_imagination.config.rows import ORIGINALS, RowSettings
from guided_imagination.expansion.plan import AUGMENTED_PER_SHARD
from guided_imagination.training.grid import cells_of
from guided_imagination.training.recipe import updates

UNITS = {
    "adapt": "updates",
    "prepare": "seeds",
    **dict.fromkeys(("expand", "train", "evaluate", "audit"), "images"),
}
Splits = Mapping[str, Dataset]  # seeds, validation and test of one draw of a dataset


@dataclass(frozen=True)
class Work:
    """`units` of a stage for a row, done in `parts` that workers may share; each part has something to begin with.

    `name` says what is done, and has a speed of its own: a row's images, or a network and its recipe.
    """

    row: RowSettings
    stage: str
    name: str
    parts: int
    units: int


def work_of(row: RowSettings, splits: Splits) -> Iterator[Work]:
    """In the order in which it will be done. What takes seconds in all, as tables and figures, is left out.

    A fine-tuning is that of every row of its pipeline.
    """
    seeds, validation, test = (len(splits[name]) for name in ("seeds", "validation", "test"))
    images = seeds * row.ratio
    if row.adapt is not None and row.adapt.expander.config.adapt is not None:
        yield Work(row, "adapt", row.adapt.pipeline, 1, row.adapt.expander.config.adapt.steps)
    if row.ratio != ORIGINALS:
        per_shard = row.expander.config.seeds_per_shard if row.expander else AUGMENTED_PER_SHARD
        yield Work(row, "prepare", row.method, 1, seeds)
        yield Work(row, "expand", row.method, -(-seeds // per_shard), images)
    grid, largest = row.training.grid, seeds * (1 + row.training.largest_ratio)
    measured = test if grid.evaluate_on == "test" else validation
    for cell in cells_of(row):
        if cell.seed:
            continue  # all runs are alike
        recipe = row.training.recipes[cell.architecture][cell.recipe].resolved(largest)
        count = updates(recipe, seeds * (1 + cell.ratio)) * recipe.batch_size
        name = f"{cell.architecture} {cell.recipe}"
        yield Work(row, "train", name, grid.seeds, grid.seeds * count)
        yield Work(row, "evaluate", name, grid.seeds, grid.seeds * (measured + grid.log_points * validation))
    looked_at = min(images, row.audit.images) if images else seeds + min(validation, row.audit.images)
    yield Work(row, "audit", "audit", 1, looked_at)
