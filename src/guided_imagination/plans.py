"""Plans of expansions from typed parameters: what is made of which seeds by what."""

from functools import partial

from datasets import Dataset

from guided_imagination import augment
from guided_imagination.config import AugmentConfig, Criteria, DatasetSpec, ExpandConfig
from guided_imagination.data import class_names, fingerprint
from guided_imagination.expansion import Augmentation, Imagination, Plan
from guided_imagination.models import load_generator, load_guide
from guided_imagination.weights import weights_checksum

AUGMENTED_PER_SHARD = 100  # seeds; only memory depends on it


def imagination_plan(
    seeds: Dataset,
    spec: DatasetSpec,
    config: ExpandConfig,
    criteria: Criteria,
    *,
    method: str,
    guided: bool,
    ratio: int,
    seed: int,
    overwrite: bool,
) -> Plan:
    """An expansion by a generator. Models are loaded when the first missing shard is made."""
    guidance = config.guidance(criteria, guided)

    def load() -> Imagination:
        guide = load_guide(config.clip, class_names(seeds), spec.templates)
        return Imagination(load_generator(config.generator, guide), guide, guidance)

    generator = config.generator.model_dump()
    return Plan(
        method=method,
        seeds=seeds,
        ratio=ratio,
        seed=seed,
        resolution=spec.resolution,
        seeds_per_shard=config.seeds_per_shard,
        seeds_per_batch=config.seeds_per_batch,
        redraws=config.redraws,
        rejected=config.rejected,
        settings={"classes": class_names(seeds), "templates": spec.templates, **generator, **guidance.model_dump()},
        inputs={
            "seeds": fingerprint(seeds),
            "generator weights": weights_checksum(config.generator.model),
            "CLIP weights": weights_checksum(config.clip),
        },
        overwrite=overwrite,
        load_maker=load,
    )


def augmentation_plan(
    seeds: Dataset, spec: DatasetSpec, config: AugmentConfig, *, method: str, ratio: int, seed: int, overwrite: bool
) -> Plan:
    """An expansion by the classical augmentation called `method`."""
    settings = getattr(config, method)
    return Plan(
        method=method,
        seeds=seeds,
        ratio=ratio,
        seed=seed,
        resolution=spec.resolution,
        seeds_per_shard=AUGMENTED_PER_SHARD,
        seeds_per_batch=AUGMENTED_PER_SHARD,
        redraws=0,
        rejected="keep",
        settings=settings.model_dump(),
        inputs={"seeds": fingerprint(seeds)},
        overwrite=overwrite,
        load_maker=lambda: Augmentation(partial(getattr(augment, method), config=settings)),
    )
