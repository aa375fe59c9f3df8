"""Nodes of `tune`."""

from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset

from guided_imagination.config import Architecture, ComputeConfig, DatasetSpec, Recipe, TrainConfig, TuneConfig
from guided_imagination.models.device import for_training, place
from guided_imagination.pipelines import tracking
from guided_imagination.training import tuning
from guided_imagination.training.cells import Sources, train_row
from guided_imagination.training.grid import largest_row
from guided_imagination.utils.errors import InputError


def tune(
    seeds: Dataset,
    validation: Dataset,
    spec: DatasetSpec,
    config: TuneConfig,
    grid: TrainConfig,
    recipes: dict[str, Recipe],
    architectures: dict[str, Architecture],
    compute: ComputeConfig,
    ratio: int | None,
    models: str,
    *,
    dataset: str,
) -> dict[str, Any]:
    """Learning rate and weight decay by architecture and recipe, chosen on the validation images."""
    if not len(validation):
        raise InputError(
            f"tune: {dataset} has no validation images to choose by: set dataset_specs.{dataset}.validation_per_class"
        )
    largest = largest_row(len(seeds), ratio or spec.ratio, grid)
    tried = tuning.candidates(recipes[config.recipe].resolved(largest), config)
    results, failures = train_row(
        tuning.search_cells(dataset, grid.architectures, tried, config.seeds),
        Sources(seeds, None, validation, validation, "validation", spec.resolution),
        architectures,
        {(architecture, name): recipe for architecture in grid.architectures for name, recipe in tried.items()},
        log_points=grid.log_points,
        models=Path(models),
        placement=for_training(place(compute)),
        track=partial(tracking.track, inputs=[]),
    )
    if failures:
        raise InputError(f"tune: {'; '.join(f'{name}: {error}' for name, error in failures.items())}")
    return tuning.choose(results, tried, config)
