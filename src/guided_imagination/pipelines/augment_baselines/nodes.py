"""Nodes of `augment_baselines`."""

from datasets import Dataset

from guided_imagination.config import AugmentConfig, DatasetSpec, ImageFileConfig
from guided_imagination.expansion import plan as plans
from guided_imagination.expansion.expand import Plan


def plan(
    seeds: Dataset,
    spec: DatasetSpec,
    config: AugmentConfig,
    image_files: ImageFileConfig,
    ratio: int | None,
    seed: int,
    overwrite: bool,
    *,
    method: str,
) -> Plan:
    """What to make; the dataset `expanded` makes it, shard by shard, when it is saved."""
    return plans.augmentation_plan(
        seeds, spec, config, image_files, method=method, ratio=ratio or spec.ratio, seed=seed, overwrite=overwrite
    )
