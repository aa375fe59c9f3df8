"""Nodes of `expand_mae`, `expand_dalle` and `expand_sd`."""

from typing import Any

from datasets import Dataset

from guided_imagination.config import (
    ComputeConfig,
    Criteria,
    DatasetSpec,
    ExpandConfig,
    Expander,
    ExpandPipeline,
    GeneratorConfig,
    GuideConfig,
    ImageFileConfig,
    Method,
)
from guided_imagination.expansion import plan as plans
from guided_imagination.expansion.expand import Plan
from guided_imagination.models.weights import hub_folder


def plan(
    seeds: Dataset,
    spec: DatasetSpec,
    config: ExpandConfig,
    generators: dict[str, GeneratorConfig],
    guides: dict[str, GuideConfig],
    criteria_sets: dict[str, Criteria],
    image_files: ImageFileConfig,
    compute: ComputeConfig,
    ratio: int | None,
    seed: int,
    overwrite: bool,
    models_dir: str,
    adapted: dict[str, Any] | None = None,
    *,
    pipeline: ExpandPipeline,
    method: str,
    row: Method,
) -> Plan:
    """What to make; the dataset `expanded` makes it, shard by shard, when it is saved."""
    return plans.imagination_plan(
        seeds,
        spec,
        Expander.of(pipeline, config, generators, guides, criteria_sets, spec.overrides, {pipeline: row.settings}),
        image_files,
        compute,
        hub_folder(models_dir),
        adapted,
        method=method,
        guided=row.guided,
        ratio=ratio or spec.ratio,
        seed=seed,
        overwrite=overwrite,
    )
