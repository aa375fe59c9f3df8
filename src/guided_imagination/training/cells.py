"""Cells of the grid, each a unit of work that is done once, kept on disk and resumed where it was killed."""

import glob
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.torch import save
from torch import Tensor

from guided_imagination import __version__
from guided_imagination.config.models import ComputeConfig
from guided_imagination.config.rows import TrainingSettings, place_of
from guided_imagination.config.training import Architecture, Recipe
from guided_imagination.data.dataset import class_names
from guided_imagination.models.device import Placement, for_training, place, training_precision
from guided_imagination.training.classifier import Trained, predict, train_classifier
from guided_imagination.training.grid import Cell
from guided_imagination.training.metrics import METRICS, classification_metrics, predictions
from guided_imagination.training.network import Weights, locate_weights
from guided_imagination.training.recipe import recipe_key
from guided_imagination.training.sources import CellImages, Sources, Teacher
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import read_json, replacing_folder, restore_folder, writing_alone
from guided_imagination.utils.seeding import derive_seed
from guided_imagination.utils.workers import start

logger = logging.getLogger(__name__)
PRELOAD = (__name__,)  # what all workers import

CELL_COLUMNS = ["dataset", "draw", "method", "ratio", "architecture", "recipe", "seed"]
ORIGIN_COLUMNS = ["split", "recipe_key", "code", "precision", "updates"]  # rows that differ in these are not alike
RESULT_COLUMNS = [
    *CELL_COLUMNS,
    *METRICS,
    "validation",
    "images",
    "images_per_second",
    "seconds",
    *ORIGIN_COLUMNS,
    "run_id",
]


@dataclass(frozen=True)
class Run:
    """Where a cell's metrics go, with the step and the time of each: `run_id` is empty where nothing keeps them."""

    run_id: str
    log: Callable[[dict[str, float], int, float | None], None]


@dataclass(frozen=True)
class Job:
    """One cell and all that shapes it.

    `inputs` is a checksum of all its images, `split` names those that measure it, `precision` is the network's.
    """

    cell: Cell
    architecture: Architecture
    recipe: Recipe
    inputs: str
    split: str
    precision: str
    classes: int
    log_points: int
    weights: Weights | None = None

    @property
    def key(self) -> str:
        """Differs from that of every job with another result."""
        architecture = self.architecture.model_dump(exclude={"pretrained"})  # its content counts, not where it lies
        settings = asdict(self.cell), architecture, self.recipe.model_dump()
        begun = [self.weights.checksum] if self.weights else []
        return f"{derive_seed(*settings, self.inputs, self.origin, *begun):016x}"

    @property
    def origin(self) -> dict[str, str]:
        """What a result tells of how it was made."""
        key = recipe_key(self.recipe)
        return {"split": self.split, "recipe_key": key, "code": __version__, "precision": self.precision}

    def result(self, models: Path) -> dict[str, Any] | None:
        """What `train_cell` has kept; None if the cell is not finished or was made otherwise."""
        path = self.cell.folder(models) / "result.json"
        result = read_json(path) if path.exists() else {}
        return result if result.get("key") == self.key else None


Times = Sequence[float]  # in seconds since the epoch: the beginning, each entry of the history, the end; or none
Track = Callable[[Job, Path, Times], AbstractContextManager[Run]]


def train_cell(job: Job, splits: CellImages, models: Path, placement: Placement) -> dict[str, Any]:
    """Train one cell, or go on with a killed one, and keep its weights, predictions and result in its folder.

    The result has every metric, the history of logged metrics with its times, the number of training images, and the
    speed.
    """
    folder = job.cell.folder(models)
    checkpoint = folder / f"checkpoint-{job.key}.pt"
    trained = train_classifier(
        splits.train,
        splits.validation,
        job.architecture,
        job.recipe,
        classes=job.classes,
        seed=job.cell.seed,
        name=f"{job.cell.method} {job.cell.name}",
        log_points=job.log_points,
        placement=placement,
        checkpoint=checkpoint,
        weights=job.weights,
    )
    return _keep(job, trained, splits, folder, placement)


def _keep(job: Job, trained: Trained, splits: CellImages, folder: Path, placement: Placement) -> dict[str, Any]:
    """Put weights, predictions and result in place at once; an earlier result and the checkpoint go with the folder."""
    measured = splits.measured
    logits = predict(trained.model, measured, placement)
    metrics = classification_metrics(logits, measured.labels)
    origin = {"key": job.key, **job.origin, "updates": trained.updates, "images": len(splits.train)}
    result = {**origin, "settings": job.recipe.model_dump(), **metrics, **trained.speed, "history": trained.history}
    result["times"] = [*trained.times, time.time()]
    result["validation"] = trained.history[-1][0].get("validation_accuracy")
    with replacing_folder(folder) as made:
        # not save_model, whose error on a full disk is not an OSError; contiguous: weights are channels_last
        weights = {name: tensor.contiguous() for name, tensor in trained.model.state_dict().items()}
        (made / "model.safetensors").write_bytes(save(weights))
        keep(made, result, logits, measured.labels)
    return result


def keep(folder: Path, result: dict[str, Any], logits: Tensor, labels: Tensor) -> None:
    """Write `predictions.parquet` and `result.json`."""
    predictions(logits, labels).to_parquet(folder / "predictions.parquet", index=False)
    (folder / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def scores(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of a result that are defined, and its speed."""
    names = [*METRICS, "seconds", "images_per_second", "waiting_share"]
    return {name: result[name] for name in names if result.get(name) is not None}


@dataclass(frozen=True)
class Failure:
    """The error of a cell, and when its training was begun and failed."""

    error: str
    times: Times


Outcome = dict[str, Any] | Failure


@dataclass(frozen=True)
class Begun:
    """Cells of a row that workers are at; `done` is called when all of them are finished."""

    jobs: Sequence[Job]
    outcomes: Iterator[tuple[Job, Outcome]]
    models: Path
    track: Track
    done: Callable[[], None] = lambda: None

    def finish(self) -> tuple[pd.DataFrame, dict[str, str]]:
        """Wait: rows of RESULT_COLUMNS of finished cells, and the errors of failed ones by name."""
        rows: dict[Cell, dict[str, Any]] = {}
        failures: dict[str, str] = {}
        for job, outcome in self.outcomes:
            # results of 0.5.0 have no times
            times = outcome.times if isinstance(outcome, Failure) else outcome.get("times", ())
            try:
                with self.track(job, job.cell.folder(self.models), times) as run:
                    rows[job.cell] = row = {**asdict(job.cell), **_logged(outcome, run), "run_id": run.run_id}
            except _FailedError as error:
                failures[job.cell.title] = str(error)
                continue
            logger.info(
                "%s: %.1f%%, %.0f images/s, waiting for data %.0f%% of the time",
                *(job.cell.title, row["accuracy"], row["images_per_second"], 100 * row["waiting_share"]),
            )
        if not failures:
            self.done()
        return pd.DataFrame([rows[job.cell] for job in self.jobs if job.cell in rows], columns=RESULT_COLUMNS), failures


class _FailedError(Exception):
    """Ends the run of a cell that failed, with its error."""


def _logged(outcome: Outcome, run: Run) -> dict[str, Any]:
    if isinstance(outcome, Failure):
        raise _FailedError(outcome.error)
    rows = [*outcome["history"], (scores(outcome), outcome["history"][-1][1])]
    times = outcome.get("times", ())[1:] or [None] * len(rows)
    for (metrics, step), when in zip(rows, times, strict=True):
        run.log(metrics, step, when)
    return outcome


def begin_cells(
    jobs: Sequence[Job],
    load: Callable[[], Callable[[Cell], CellImages]],
    models: Path,
    compute: ComputeConfig,
    track: Track,
    done: Callable[[], None] = lambda: None,
) -> Begun:
    """Let workers train what is not finished.

    `load` reads the images of all cells, `track` opens the log of a cell with its folder.
    """

    def work() -> Callable[[Job], Outcome]:
        images, placement = cache(load), for_training(place(compute))
        return lambda job: _finished_or_trained(job, images, models, placement)

    outcomes = start(work, jobs, compute, preload=PRELOAD, shown=("training", "cells"))
    return Begun(jobs, outcomes, models, track, done)


def _finished_or_trained(
    job: Job, images: Callable[[], Callable[[Cell], CellImages]], models: Path, placement: Placement
) -> Outcome:
    folder, began = job.cell.folder(models), time.time()
    try:
        # another process that trains the same cell is waited for, and its result taken
        with writing_alone(folder):
            restore_folder(folder)
            return job.result(models) or train_cell(job, images()(job.cell), models, placement)
    except InputError:
        raise  # images are the same for all cells
    except Exception as error:
        logger.exception("%s failed; the other runs continue", job.cell.title)
        return Failure(f"{type(error).__name__}: {error}", (began, time.time()))


def begin_row(
    cells: Sequence[Cell],
    sources: Sources,
    settings: TrainingSettings,
    *,
    models: Path,
    hub: Path,
    compute: ComputeConfig,
    track: Track,
    teacher: Teacher | None = None,
) -> Begun:
    """Let workers train the cells of one dataset and method that are not finished.

    `hub` has models that were put there by hand; `teacher` is needed where a recipe has soft labels.

    The decoded images of the row are kept until all of its cells are finished, those that rows share until they
    change; a finished row decodes none.
    """
    if not len(sources.measured):
        raise InputError(f"{cells[0].dataset} has no {sources.split} images to evaluate classifiers on")
    inputs, classes = sources.checksum, len(class_names(sources.seeds))
    # of what was asked for, not of what was kept: equal for all rows
    largest = len(sources.seeds) * (1 + settings.largest_ratio)
    precision = training_precision(compute)

    def job(cell: Cell) -> Job:
        recipe = settings.recipes[cell.architecture][cell.recipe].resolved(largest)
        architecture = settings.architectures[cell.architecture]
        return Job(
            cell,
            architecture,
            recipe,
            f"{inputs} {teacher.key}" if teacher and recipe.soft_labels else inputs,
            sources.split,
            precision,
            classes,
            settings.grid.log_points,
            locate_weights(architecture, hub) if recipe.pretrained else None,
        )

    images, method = models / place_of(cells[0].dataset, cells[0].draw) / "images", cells[0].method
    arrays = sources.arrays(images, method)
    for pattern in (f"row-{glob.escape(method)}-{'?' * 16}", "split-*"):
        for other in set(images.glob(pattern)) - set(arrays.values()):
            _remove(other)
    load = partial(sources.decode, images, method, teacher)
    return begin_cells([job(cell) for cell in cells], load, models, compute, track, partial(_remove, arrays["train"]))


def _remove(arrays: Path) -> None:
    """Others may have them mapped, who keep what they see, or be about to: they make them again."""
    with writing_alone(arrays):
        shutil.rmtree(arrays, ignore_errors=True)
