"""Plans of expansions from typed parameters: what is made of which seeds by what."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from datasets import Dataset

from guided_imagination.config import AugmentConfig, ComputeConfig, DatasetSpec, Expander, ImageFileConfig, RejectConfig
from guided_imagination.data import augmentation as augment
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.expansion.augmenters import Augmentation, Imagination
from guided_imagination.expansion.expand import Plan
from guided_imagination.generators.loading import load_generator
from guided_imagination.models.device import Batches, place
from guided_imagination.models.loading import load_guide
from guided_imagination.models.weights import model_checksum

AUGMENTED_PER_SHARD = 100  # seeds; only memory depends on it


def imagination_plan(
    seeds: Dataset,
    spec: DatasetSpec,
    expander: Expander,
    files: ImageFileConfig,
    compute: ComputeConfig,
    hub: Path,
    adapted: Mapping[str, str] | None,
    *,
    method: str,
    guided: bool,
    ratio: int,
    seed: int,
    overwrite: bool,
) -> Plan:
    """An expansion by a generator. Models are loaded when the first missing shard is made.

    `hub` is the folder of models that were put there by hand; `adapted` is the record of a generator
    that was fine-tuned on the seeds, with its `folder` and `checksum`.
    """
    config, generator, names = expander.config, expander.generator, class_names(seeds)
    guidance, placement = config.guidance(expander.criteria, guided), place(compute)

    def load() -> Imagination:
        guide = load_guide(expander.guide, names, spec.templates, placement, hub)
        folder = Path(adapted["folder"]) if adapted else None
        loaded = load_generator(generator, guide, names, placement, hub, folder)
        return Imagination(loaded, guide, guidance, placement, Batches(config.images_per_batch))

    return Plan(
        method=method,
        seeds=seeds,
        ratio=ratio,
        seed=seed,
        resolution=spec.resolution,
        seed_resolution=getattr(generator, "image_size", spec.resolution),
        seeds_per_shard=config.seeds_per_shard,
        seeds_per_batch=config.seeds_per_batch,
        redraws=config.redraws,
        reject=config.reject,
        rejected=config.rejected,
        settings={
            "classes": names,
            "templates": spec.templates,
            "precision": str(placement.dtype).removeprefix("torch."),
            **generator.model_dump(exclude={"model", "revision"}),
            **guidance.model_dump(),
        },
        inputs={
            "seeds": checksum(seeds),
            "generator": generator.model,
            "generator weights": model_checksum(generator, hub),
            "guide": expander.guide.model,
            "guide weights": model_checksum(expander.guide, hub),
            **({"adapted weights": adapted["checksum"]} if adapted else {}),
        },
        overwrite=overwrite,
        load_maker=load,
        image_format=files.format,
        quality=files.quality,
    )


def augmentation_plan(
    seeds: Dataset,
    spec: DatasetSpec,
    config: AugmentConfig,
    files: ImageFileConfig,
    *,
    method: str,
    ratio: int,
    seed: int,
    overwrite: bool,
) -> Plan:
    """An expansion by the classical augmentation called `method`."""
    settings = getattr(config, method)
    return Plan(
        method=method,
        seeds=seeds,
        ratio=ratio,
        seed=seed,
        resolution=spec.resolution,
        seed_resolution=spec.resolution,
        seeds_per_shard=AUGMENTED_PER_SHARD,
        seeds_per_batch=AUGMENTED_PER_SHARD,
        redraws=0,
        reject=RejectConfig(),
        rejected="keep",
        settings=settings.model_dump(),
        inputs={"seeds": checksum(seeds)},
        overwrite=overwrite,
        load_maker=lambda: Augmentation(partial(getattr(augment, method), config=settings)),
        image_format=files.format,
        quality=files.quality,
    )
