"""What an expansion is made of: seeds, an augmenter, and everything that shapes the images."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from datasets import Dataset

from guided_imagination import __version__
from guided_imagination.config import Expander, RejectConfig, RowSettings
from guided_imagination.data import augmentation
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.data.images import ImageFormat
from guided_imagination.expansion.augmenters import Augmentation, Augmenter, Imagination
from guided_imagination.generators.loading import load_generator
from guided_imagination.models.clip import ZeroShotClassifier
from guided_imagination.models.device import Batches, place
from guided_imagination.models.loading import load_guide
from guided_imagination.models.weights import model_checksum

AUGMENTED_PER_SHARD, AUGMENTED_PER_BATCH = 100, 5  # seeds; only memory depends on them


@dataclass(frozen=True)
class Plan:
    """All that shapes an expansion.

    Seeds are given to the augmenter at `seed_resolution`, its images are kept at `resolution` (sides in
    pixels); `settings` are the augmenter's parameters, `inputs` the checksums of weights and seeds, by name.
    A variant that `reject` refuses is drawn again, at most `redraws` times; then it is dropped, or the
    least bad of its attempts is kept, so that every seed has `ratio` variants. `quality` in [1, 100] is
    that of lossy image formats. The models are loaded when the first missing shard is made.
    """

    method: str
    seeds: Dataset
    ratio: int
    seed: int
    resolution: int
    seed_resolution: int
    seeds_per_shard: int
    seeds_per_batch: int
    redraws: int
    reject: RejectConfig
    rejected: Literal["drop", "keep"]
    settings: dict[str, Any]
    inputs: dict[str, str]
    overwrite: bool
    load_augmenter: Callable[[], Augmenter] = field(repr=False)
    image_format: ImageFormat = "png"
    quality: int = 95

    @property
    def shards(self) -> int:
        return -(-len(self.seeds) // self.seeds_per_shard)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that, if it changed, would change the images."""
        names = ("method", "ratio", "seed", "resolution", "seed_resolution", "image_format", "quality")
        blocks = ("redraws", "rejected", "seeds_per_shard", "seeds_per_batch")
        fixed = {name: getattr(self, name) for name in (*names, *blocks)}
        return {"code": __version__, **fixed, **self.reject.model_dump(), **self.settings, **self.inputs}

    def shard_seeds(self, shard: int) -> Iterator[Dataset]:
        """The seeds of a shard in batches."""
        stop = min((shard + 1) * self.seeds_per_shard, len(self.seeds))
        for start in range(shard * self.seeds_per_shard, stop, self.seeds_per_batch):
            yield self.seeds.select(range(start, min(start + self.seeds_per_batch, stop)))


def plan_of(seeds: Dataset, row: RowSettings, adapted: Mapping[str, str] | None = None) -> Plan:
    """The expansion of a row by its generator or classical augmentation.

    adapted: the record of a generator that was fine-tuned on the seeds, with its `folder` and `checksum`.
    """
    part = _augmentation(row) if row.expander is None else _imagination(seeds, row, row.expander, adapted)
    shared: dict[str, Any] = {"settings": part["settings"], "inputs": {"seeds": checksum(seeds), **part["inputs"]}}
    return Plan(
        method=row.method,
        seeds=seeds,
        ratio=row.ratio,
        seed=row.seed,
        resolution=row.spec.resolution,
        overwrite=row.overwrite,
        image_format=row.image_files.format,
        quality=row.image_files.quality,
        **{**part, **shared},
    )


def _imagination(
    seeds: Dataset, row: RowSettings, expander: Expander, adapted: Mapping[str, str] | None
) -> dict[str, Any]:
    config, generator, names = expander.config, expander.generator, class_names(seeds)
    guidance, placement = config.guidance(expander.criteria, row.guided), place(row.compute)

    def load() -> Imagination:
        memory = Batches(config.images_per_batch, fixed=row.compute.deterministic)
        guide = load_guide(expander.guide, names, row.spec.templates, placement, row.hub)
        look = ZeroShotClassifier(guide, guidance.criteria.logit_scale, placement, memory)
        folder = Path(adapted["folder"]) if adapted else None
        return Imagination(load_generator(generator, guide, names, placement, row.hub, folder), look, guidance)

    return {
        "seed_resolution": getattr(generator, "image_size", row.spec.resolution),
        **config.model_dump(include={"seeds_per_shard", "seeds_per_batch", "redraws", "rejected"}),
        "reject": config.reject,
        "settings": {
            "classes": names,
            "templates": row.spec.templates,
            "precision": str(placement.dtype).removeprefix("torch."),
            "images_per_batch": config.images_per_batch,  # another number rounds otherwise
            **({"deterministic": True} if row.compute.deterministic else {}),
            **generator.model_dump(exclude={"model", "revision"}),
            **guidance.model_dump(),
        },
        "inputs": {
            "generator": generator.model,
            "generator weights": model_checksum(generator, row.hub),
            "guide": expander.guide.model,
            "guide weights": model_checksum(expander.guide, row.hub),
            **({"adapted weights": adapted["checksum"]} if adapted else {}),
        },
        "load_augmenter": load,
    }


def _augmentation(row: RowSettings) -> dict[str, Any]:
    assert row.augmentation is not None
    transform = partial(getattr(augmentation, row.method), config=row.augmentation)
    return {
        "seed_resolution": row.spec.resolution,
        "seeds_per_shard": AUGMENTED_PER_SHARD,
        "seeds_per_batch": AUGMENTED_PER_BATCH,
        "redraws": 0,
        "reject": RejectConfig(),
        "rejected": "keep",
        "settings": row.augmentation.model_dump(),
        "inputs": {},
        "load_augmenter": lambda: Augmentation(transform),
    }
