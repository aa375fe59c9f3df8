"""Nodes of `train`."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset
from torch import Tensor

from guided_imagination.config.rows import DatasetSettings, RowSettings
from guided_imagination.config.training import Recipe, TrainConfig
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.data.sources.classes import words
from guided_imagination.expansion.store import Expansion
from guided_imagination.expansion.weeding import weeded
from guided_imagination.models.device import place
from guided_imagination.models.loading import load_guide
from guided_imagination.models.weights import model_checksum
from guided_imagination.pipelines import tracking
from guided_imagination.training.cells import Begun, begin_row
from guided_imagination.training.grid import cells_of
from guided_imagination.training.model_selection import best_cell, example, load_classifier, model_card
from guided_imagination.training.reference import fitted, reference
from guided_imagination.training.sources import Sources, Teacher
from guided_imagination.utils.seeding import derive_seed
from guided_imagination.utils.workers import call

LOGIT_SCALE = 100  # of a teacher by words, as docs/choices.md has it; a learned head is calibrated


def begin(
    seeds: Dataset,
    validation: Dataset,
    test: Dataset,
    settings: RowSettings,
    expanded: Expansion | None = None,
    tuned: dict[str, Any] | None = None,
) -> Begun:
    """Let workers train the cells of one row on the seeds and `expanded`; `tuned` is what the search has chosen."""
    if expanded is not None:
        expanded.check_made_of(seeds)
        expanded = weeded(expanded, settings.spec.weed, settings.dataset, settings.draw, settings.method)
    grid = settings.training.grid
    measured = _measured(validation, test, grid)
    sources = Sources(seeds, expanded, validation, measured, grid.evaluate_on, settings.spec.resolution)
    return begin_row(
        cells_of(settings),
        sources,
        settings.training.tuned(tuned) if tuned else settings.training,
        models=Path(settings.models_dir),
        hub=settings.hub,
        compute=settings.compute,
        track=partial(tracking.track, inputs=_inputs(sources, expanded, grid.evaluate_on)),
        teacher=_teacher(seeds, settings),
    )


def train(begun: Begun) -> tuple[pd.DataFrame, dict[str, str]]:
    """Results of a row, and the errors of cells that failed."""
    return begun.finish()


def _teacher(seeds: Dataset, settings: RowSettings) -> Teacher | None:
    taught = settings.training.teacher
    if taught is None:
        return None
    told, templates = words(class_names(seeds), settings.spec.names), settings.spec.templates

    def load() -> Callable[[Tensor], Tensor]:
        placement, scale = place(settings.compute), LOGIT_SCALE if taught.head == "text" else None
        guide = load_guide(taught.guide, told, templates, placement, settings.hub)
        classify, _ = fitted(guide, taught.head, seeds, settings.spec.resolution, placement, scale)
        return lambda images: classify(images.float() / 255).log_probs

    learned = [] if taught.head == "text" else [taught.head, checksum(seeds)]
    return Teacher(f"{derive_seed(model_checksum(taught.guide, settings.hub), templates, told, *learned):016x}", load)


def _measured(validation: Dataset, test: Dataset, grid: TrainConfig) -> Dataset:
    return test if grid.evaluate_on == "test" else validation


def _inputs(sources: Sources, expanded: Expansion | None, measured: str) -> list[tracking.Images]:
    """What MLflow shall show as the inputs of a run."""
    used = [("seeds", sources.seeds, "training"), (measured, sources.measured, "testing")]
    images = [
        tracking.Images(name, Path(data.cache_files[0]["filename"]).parent, checksum(data), context)
        for name, data, context in used
        if data.cache_files
    ]
    if expanded is None:
        return images
    return [*images, tracking.Images("expansion", expanded.folder, expanded.checksum, "training")]


def reference_row(
    seeds: Dataset, validation: Dataset, test: Dataset, settings: DatasetSettings, *, name: str
) -> pd.DataFrame:
    """The row of `train.references` of this name."""
    measured = _measured(validation, test, settings.training.grid)
    return call(partial(_reference_row, seeds, measured, validation, settings, name), settings.compute)


def _reference_row(
    seeds: Dataset, measured: Dataset, validation: Dataset, settings: DatasetSettings, name: str
) -> pd.DataFrame:
    own, placement, spec = settings.references[name], place(settings.compute), settings.spec
    guide = load_guide(own.guide, words(class_names(seeds), spec.names), spec.templates, placement, settings.hub)
    return reference(
        *fitted(guide, own.head, seeds, spec.resolution, placement, None),
        measured,
        validation,
        spec.resolution,
        dataset=settings.dataset,
        draw=settings.draw,
        method=name,
        encoder=own.name,
        split=settings.training.grid.evaluate_on,
        models=Path(settings.models_dir),
    )


def register(seeds: Dataset, settings: DatasetSettings, *rows: pd.DataFrame) -> dict[str, Any]:
    """The best classifier of a dataset, chosen by validation accuracy, in MLflow's registry; returns its cell."""
    models = Path(settings.models_dir)
    results = pd.concat(rows, ignore_index=True)
    best = best_cell(results, models)
    if best is None:
        return {}
    cell, result = best
    folder = cell.folder(models)
    architecture = settings.training.architectures[cell.architecture]
    names, spec = class_names(seeds), settings.spec
    model = load_classifier(folder, architecture, len(names), Recipe(**result["settings"]))
    card = model_card(
        cell,
        result,
        classes=names,
        resolution=spec.resolution,
        fit=spec.fit,
        seeds=len(seeds),
        checksum=checksum(seeds),
        candidates=len(results),
    )
    sheet = tracking.Sheet(names, spec.resolution, spec.fit, card)
    tags = {**{key: str(value) for key, value in asdict(cell).items()}, "key": result["key"]}
    tracking.register(cell.dataset, model, example(spec.resolution), result["run_id"], tags, sheet)
    return {**asdict(cell), "accuracy": result["accuracy"], "weights": str(folder / "model.safetensors")}
