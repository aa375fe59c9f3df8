"""`evaluate`: whether classifiers learn more from an expansion than from the images that it was made of."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset

from guided_imagination.api import settings as asked
from guided_imagination.api.expansions import Folder, Held, opened, side
from guided_imagination.api.images import Images, read_side, same_classes
from guided_imagination.api.settings import NAME
from guided_imagination.api.wording import explained
from guided_imagination.config.rows import ORIGINALS, DatasetSettings
from guided_imagination.config.training import Architecture, Recipe
from guided_imagination.data.copies import between
from guided_imagination.data.dataset import class_names, write
from guided_imagination.data.ingestion import warned
from guided_imagination.training.cells import Begun, Job, Run, Times, begin_row
from guided_imagination.training.grid import Cell
from guided_imagination.training.metrics import METRICS
from guided_imagination.training.sources import Sources
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import temporary_folder

OWN = "given"  # an architecture or recipe that has no name in conf/base
COLUMNS = ["method", "ratio", "seed", *METRICS, "updates"]


@explained
def evaluate(
    images: Images,
    expansion: Dataset | str | os.PathLike[str],
    test: Images,
    *,
    architecture: str | Architecture = "resnet10_small",
    recipe: str | Recipe = "matched",
    runs: int = 3,
    device: str = "auto",
    workers: int | None = 1,
    settings: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Accuracy on test images of classifiers that were trained on the images alone, and with their expansion.

    >>> import guided_imagination
    >>> from guided_imagination.config import Architecture
    >>> seeds, test = guided_imagination.example(seeds_per_class=1)
    >>> expansion = guided_imagination.expand(seeds, ratio=1, method="cutout")
    >>> tiny = Architecture(model="resnet10t", arguments={"channels": [4, 4, 4, 4]})
    >>> few = test.select(range(200))
    >>> table = guided_imagination.evaluate(seeds, expansion, few, architecture=tiny, runs=1)
    >>> table.groupby("method", sort=False)["updates"].unique()
    method
    original    [10]
    cutout      [10]
    Name: updates, dtype: object

    images, test: as `expand` takes images, of the same classes; the test images are for the accuracies alone.
    architecture, recipe: names in conf/base/parameters_train.yml, or typed ones. In the recipe matched all rows get the
    same number of updates, so that gains cannot come from longer training.
    runs: trainings of each, with the seeds 0 to runs - 1; what differs by less than they do is no difference.
    device, workers, settings: as for `expand`.

    Returns a row per training: method, ratio, seed, accuracy and the other metrics in percent (ece, a calibration
    error, in [0, 1]), updates. Test images with the pixels of seeds, and images with two labels, are warned of, in the
    log and in the table's attrs["warnings"].
    """
    shared = {
        "compute": asked.compute(device, workers),
        "dataset_specs": {NAME: asked.spec(1, None)},
        **_grid(architecture, recipe, runs),
    }
    _refuse_soft(recipe, settings or {})
    row = asked.changed(shared, settings or {}).dataset(NAME)
    seeds, of_seeds = read_side(images, row.spec, "seed")
    measured, of_test = read_side(test, row.spec, "test image", every_class=False)
    if not same_classes(measured, seeds):
        raise InputError(
            f"the test images have the classes {', '.join(class_names(measured))}, the images have "
            f"{', '.join(class_names(seeds))}: they must be the same"
        )
    notes = warned("evaluate", between(of_seeds, of_test))
    method, made = opened(expansion, seeds)
    shared["dataset_specs"] = {NAME: asked.spec(side(made), None)}
    row = asked.changed(shared, {"ratio": made.ratio}, settings or {}).dataset(NAME)
    with temporary_folder() as folder:
        begun = [
            _begin(seeds, variants, measured, name, row, folder)
            for name, variants in {"original": None, method: made}.items()
        ]
        results, failures = zip(*(one.finish() for one in begun), strict=True)
    for failed in failures:
        for cell, error in failed.items():
            raise RuntimeError(f"{cell}: {error}")
    table = pd.concat(results, ignore_index=True)[COLUMNS]
    table.attrs["warnings"] = [str(note) for note in notes]
    return table


def _refuse_soft(recipe: str | Recipe, settings: Mapping[str, Any]) -> None:
    """Raises InputError for a recipe that needs a teacher."""
    named = (
        asked.changed({"dataset_specs": {NAME: asked.spec(1, None)}}, settings).recipes.get(recipe)
        if isinstance(recipe, str)
        else recipe
    )
    if named is not None and named.soft_labels:
        told = repr(recipe) if isinstance(recipe, str) else "the one given"
        raise InputError(
            f"recipe = {told} needs a teacher for its soft labels, which evaluate does not have: use kedro run"
        )


def _grid(architecture: str | Architecture, recipe: str | Recipe, runs: int) -> dict[str, Any]:
    """What is trained, as the parameters name it."""
    named: dict[str, Any] = {}
    grid: dict[str, Any] = {"seeds": runs, "ratios": None, "evaluate_on": "test", "references": {}, "teacher": None}
    for kind, value in {"architectures": architecture, "recipes": recipe}.items():
        grid[kind] = [value if isinstance(value, str) else OWN]
        if not isinstance(value, str):
            named[kind] = {OWN: value.model_dump()}
    return {"train": grid, **named}


def _begin(
    seeds: Dataset, variants: Held | Folder | None, test: Dataset, method: str, row: DatasetSettings, models: Path
) -> Begun:
    training, ratio = row.training, ORIGINALS if variants is None else variants.ratio
    choice = training.grid.architectures[0], training.grid.recipes[0]
    cells = [Cell(NAME, method, ratio, *choice, seed) for seed in range(training.grid.seeds)]
    nothing = write([], class_names(seeds))
    sources = Sources(seeds, variants, nothing, test, training.grid.evaluate_on, row.spec.resolution)
    return begin_row(cells, sources, training, models=models, hub=row.hub, compute=row.compute, track=_untracked)


@contextmanager
def _untracked(job: Job, folder: Path, times: Times) -> Iterator[Run]:
    yield Run("", lambda metrics, step, when: None)
