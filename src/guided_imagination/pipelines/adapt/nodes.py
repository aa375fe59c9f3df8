"""Node of `adapt`."""

from pathlib import Path
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
)
from guided_imagination.generators import adaptation
from guided_imagination.models.device import place
from guided_imagination.models.weights import hub_folder


def adapt(
    seeds: Dataset,
    spec: DatasetSpec,
    config: ExpandConfig,
    generators: dict[str, GeneratorConfig],
    guides: dict[str, GuideConfig],
    criteria_sets: dict[str, Criteria],
    compute: ComputeConfig,
    models_dir: str,
    seed: int,
    *,
    dataset: str,
    pipeline: ExpandPipeline,
) -> dict[str, Any]:
    """The generator of `pipeline`, fine-tuned on the seeds of `dataset`: where its weights are, and their checksum."""
    return adaptation.adapt(
        seeds,
        spec.resolution,
        Expander.of(pipeline, config, generators, guides, criteria_sets, spec.overrides),
        placement=place(compute),
        hub_folder=hub_folder(models_dir),
        folder=Path(models_dir) / dataset / pipeline / "adapted",
        seed=seed,
    )
