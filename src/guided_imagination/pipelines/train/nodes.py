"""Nodes of `train`."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset

from guided_imagination.config import Architecture, ComputeConfig, DatasetSpec, GuideConfig, Method, Recipe, TrainConfig
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.expansion.store import Expansion
from guided_imagination.models.device import for_training, place
from guided_imagination.models.loading import load_guide
from guided_imagination.models.weights import hub_folder
from guided_imagination.pipelines import tracking
from guided_imagination.training import zero_shot as reference
from guided_imagination.training.cells import Sources, train_row
from guided_imagination.training.grid import ORIGINALS, grid, largest_row, recipes_of
from guided_imagination.training.model_selection import best_cell, example, load_classifier


def train(
    seeds: Dataset,
    validation: Dataset,
    test: Dataset,
    spec: DatasetSpec,
    config: TrainConfig,
    recipes: dict[str, Recipe],
    architectures: dict[str, Architecture],
    compute: ComputeConfig,
    ratio: int | None,
    models: str,
    expanded: Expansion | None = None,
    tuned: dict[str, Any] | None = None,
    *,
    dataset: str,
    method: str,
    row: Method,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Results of one row, trained on the seeds and `expanded`; and the errors of cells that failed."""
    if expanded is not None:
        expanded.check_made_of(seeds)
    measured = test if config.evaluate_on == "test" else validation
    sources = Sources(seeds, expanded, validation, measured, config.evaluate_on, spec.resolution)
    made = ratio or spec.ratio
    ratios = (config.ratios or [made]) if expanded else [ORIGINALS]
    return train_row(
        grid(dataset, method, ratios, config),
        sources,
        architectures,
        recipes_of(config, recipes, row.recipe, tuned or {}, largest_row(len(seeds), made, config)),
        log_points=config.log_points,
        models=Path(models),
        placement=for_training(place(compute)),
        track=partial(tracking.track, inputs=_inputs(sources, expanded, config.evaluate_on)),
    )


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


def zero_shot_reference(
    validation: Dataset,
    test: Dataset,
    spec: DatasetSpec,
    config: TrainConfig,
    guides: dict[str, GuideConfig],
    compute: ComputeConfig,
    models: str,
    *,
    dataset: str,
) -> pd.DataFrame:
    """The row of the guide `train.zero_shot` itself, as a reference line."""
    name = config.zero_shot or ""
    measured, placement = test if config.evaluate_on == "test" else validation, place(compute)
    guide = load_guide(guides[name], class_names(test), spec.templates, placement, hub_folder(models))
    return reference.reference(
        guide,
        measured,
        spec.resolution,
        placement,
        dataset=dataset,
        name=name,
        split=config.evaluate_on,
        models=Path(models),
    )


def register(
    seeds: Dataset, spec: DatasetSpec, architectures: dict[str, Architecture], models: str, *rows: pd.DataFrame
) -> dict[str, Any]:
    """The best classifier of a dataset, chosen by validation accuracy, in MLflow's registry; returns its cell."""
    best = best_cell(pd.concat(rows, ignore_index=True), Path(models))
    if best is None:
        return {}
    cell, result = best
    folder = cell.folder(Path(models))
    model = load_classifier(folder, architectures[cell.architecture], len(class_names(seeds)))
    tags = {**{key: str(value) for key, value in asdict(cell).items()}, "key": result["key"]}
    tracking.register(cell.dataset, model, example(spec.resolution), result["run_id"], tags)
    return {**asdict(cell), "accuracy": result["accuracy"], "weights": str(folder / "model.safetensors")}
