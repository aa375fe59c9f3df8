"""Nodes of `train`."""

from pathlib import Path

import pandas as pd
from datasets import Dataset

from guided_imagination import training
from guided_imagination.config import Architecture, ComputeConfig, DatasetSpec, Recipe, TrainConfig
from guided_imagination.data import class_names, fingerprint
from guided_imagination.device import for_training, place
from guided_imagination.store import Expansion
from guided_imagination.tracking import track


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
    *,
    dataset: str,
    method: str,
) -> pd.DataFrame:
    """Results of one row: every architecture and seed, trained on the seeds and `expanded`."""
    measured = test if config.evaluate_on == "test" else validation
    splits = training.load_splits(seeds, expanded, validation, measured, spec.resolution)
    checksums = [str(spec.resolution), fingerprint(seeds), fingerprint(measured), expanded.checksum if expanded else ""]
    return training.train_cells(
        training.grid(dataset, method, (ratio or spec.ratio) if expanded else 0, config),
        splits,
        architectures,
        recipes,
        config,
        classes=len(class_names(seeds)),
        folder=Path(models),
        inputs=" ".join(checksums),
        placement=for_training(place(compute)),
        track=track,
    )
