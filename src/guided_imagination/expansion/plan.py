"""What an expansion is made of: seeds, an augmenter, and everything that shapes the images."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from datasets import Dataset

from guided_imagination import __version__
from guided_imagination.config.expansion import NOTHING_REFUSED, ExpandConfig, Expander, RejectConfig
from guided_imagination.config.models import ONE_WORKER, ComputeConfig, HeadChoice, PretrainedModel
from guided_imagination.config.rows import ExpansionSettings
from guided_imagination.data import augmentation
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.data.images import DigitalSource, ImageFormat
from guided_imagination.data.sources.classes import words
from guided_imagination.expansion.augmenters import Augmentation, Augmenter, Imagination
from guided_imagination.expansion.targets import TargetPlan
from guided_imagination.models.device import precision
from guided_imagination.models.weights import model_checksum, model_name
from guided_imagination.models.zero_shot import ZeroShotClassifier

logger = logging.getLogger(__name__)

AUGMENTED_PER_SHARD, AUGMENTED_PER_BATCH = 100, 5  # seeds; only memory depends on them
ADAPTED = "adapted weights"  # in a fingerprint, of a generator that was fine-tuned
SHAPING = (  # of a plan's fields, in its fingerprint
    *("method", "ratio", "seed", "resolution", "seed_resolution", "image_format", "quality", "digital_source"),
    *("seeds_per_shard", "seeds_per_batch"),
)
ALIKE = 0.98  # the cosine of a latent with its seed's, above which a variant is not new


@dataclass(frozen=True)
class Plan:
    """All that shapes an expansion.

    Seeds are given to the augmenter at `seed_resolution`, its images are kept at `resolution` (sides in
    pixels); `settings` are the augmenter's parameters by part, `inputs` the checksums of weights and seeds, by name.
    A variant that `reject` refuses is drawn again, at most `redraws` times; then it is dropped, or the
    least bad of its attempts is kept, so that every seed has `ratio` variants. `quality` in [1, 100] is
    that of lossy image formats, `digital_source` what every image file says of how it came about. With `targets`
    all features are made before the first decode, and a variant that is refused takes the next spare one. A guide
    that agrees with the labels less than `least_kappa` is refused; `head` is how it
    classifies (models.heads). `models` are hub ids or folders, which may differ
    between machines; they are loaded by the workers that `compute` asks for. `record` is what the settings
    were, from which it can be made again.
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
    digital_source: DigitalSource = "trainedAlgorithmicMedia"
    targets: TargetPlan | None = None
    head: HeadChoice = "text"
    least_kappa: float | None = None
    models: dict[str, str] = field(default_factory=dict)
    compute: ComputeConfig = ONE_WORKER
    record: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def shards(self) -> int:
        return -(-len(self.seeds) // self.seeds_per_shard)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Everything that, if it changed, would change the images, in parts that may use the same names."""
        reserve = {"reserve": self.targets.reserve} if self.targets else {}
        return {
            "code": __version__,
            **{name: getattr(self, name) for name in SHAPING},
            "filter": {"redraws": self.redraws, "rejected": self.rejected, **reserve, **self.reject.model_dump()},
            "settings": self.settings,
            "inputs": self.inputs,
        }

    def shard_seeds(self, shard: int) -> Iterator[tuple[int, Dataset]]:
        """The seeds of a shard in batches, each with the number of its first seed."""
        stop = min((shard + 1) * self.seeds_per_shard, len(self.seeds))
        for start in range(shard * self.seeds_per_shard, stop, self.seeds_per_batch):
            yield start, self.seeds.select(range(start, min(start + self.seeds_per_batch, stop)))


def plan_of(seeds: Dataset, row: ExpansionSettings, adapted: Mapping[str, str] | None = None) -> Plan:
    """The expansion of a row by its generator or classical augmentation.

    adapted: the record of a generator that was fine-tuned on the seeds, with its `folder` and `checksum`.
    """
    part = _augmentation(seeds, row) if row.expander is None else _imagination(seeds, row, row.expander, adapted)
    shared: dict[str, Any] = {"settings": part["settings"], "inputs": {"seeds": checksum(seeds), **part["inputs"]}}
    return Plan(
        method=row.method,
        seeds=seeds,
        ratio=row.ratio,
        seed=row.seed,
        resolution=row.spec.resolution,
        overwrite=row.overwrite,
        compute=row.compute,
        record=row.recorded(),
        image_format=row.image_files.format,
        quality=row.image_files.quality,
        **{**part, **shared},
    )


def _imagination(
    seeds: Dataset, row: ExpansionSettings, expander: Expander, adapted: Mapping[str, str] | None
) -> dict[str, Any]:
    config, generator, told = expander.config, expander.generator, words(class_names(seeds), row.spec.names)
    guidance = config.guidance(expander.criteria, row.guided)
    if ALIKE < guidance.least_cosine < 1:
        logger.warning(
            "%s: eps %g keeps every variant above cosine %.2f with its seed, so the variants will hardly differ: "
            "it is in units of the latent's root mean square, where 0.2 begins to act (0: no perturbation)",
            *(row.method, guidance.eps, ALIKE),
        )
    resolution = getattr(generator, "image_size", row.spec.resolution)
    checks = _checks(config, refusing=row.guided)
    reserve = config.reserve if checks["reject"].refuses else 0

    def load() -> Imagination:
        from guided_imagination.generators.loading import (
            load_generator,  # imports diffusers, which baselines do not need
        )

        look = _look(row, expander, told)
        folder = Path(adapted["folder"]) if adapted else None
        # where the latent is an embedding, no variant is shown to CLIP, but seeds are, as the decoder knows them
        as_usual = generator.embeds or expander.criteria.normalise_variants
        shown = look.guide if as_usual else look.guide.without_normalisation()
        loaded = load_generator(generator, shown, told, look.placement, row.hub, folder)
        return Imagination(loaded, look, guidance)

    return {
        "seed_resolution": resolution,
        **config.model_dump(include={"seeds_per_shard", "seeds_per_batch"}),
        **checks,
        "head": config.head,
        "targets": TargetPlan(guidance, row.ratio, reserve, row.seed) if guidance.planned else None,
        "settings": {
            "generator": generator.model_dump(exclude=set(PretrainedModel.model_fields)),
            "guidance": guidance.model_dump(),
            "guide": _guide_settings(seeds, row, expander),
        },
        "inputs": {
            "generator": model_name(generator),
            "generator weights": model_checksum(generator, row.hub),
            **_guide_inputs(row, expander),
            **({ADAPTED: adapted["checksum"]} if adapted else {}),
        },
        "models": {"generator": generator.model, "guide": expander.guide.model},
        "load_augmenter": load,
    }


_UNCHECKED = {"redraws": 0, "reject": NOTHING_REFUSED, "rejected": "keep", "least_kappa": None}


def _checks(config: ExpandConfig, *, refusing: bool) -> dict[str, Any]:
    """Which variants are refused, and what then; an unguided row is no control if it passes a filter."""
    if not refusing:
        return _UNCHECKED
    return {"reject": config.reject, **config.model_dump(include={"redraws", "rejected", "least_kappa"})}


def _look(row: ExpansionSettings, expander: Expander, told: list[str]) -> ZeroShotClassifier:
    from guided_imagination.models.loading import load_zero_shot  # imports transformers and diffusers

    asked = expander.guide, told, _templates(row, expander), row.compute, row.hub
    return load_zero_shot(*asked, expander.criteria.logit_scale, expander.config.images_per_batch)


def _templates(row: ExpansionSettings, expander: Expander) -> list[str]:
    return expander.criteria.templates or row.spec.templates


def _told(seeds: Dataset, row: ExpansionSettings, expander: Expander) -> dict[str, Any]:
    """The classes, and what CLIP is told for them; `words` stand there where they are others than the names."""
    names = class_names(seeds)
    told = words(names, row.spec.names)
    return {"classes": names, **({"words": told} if told != names else {}), "templates": _templates(row, expander)}


def _rounding(row: ExpansionSettings, expander: Expander) -> dict[str, Any]:
    """What networks round by; another number of images at once rounds otherwise."""
    fixed = {"deterministic": True} if row.compute.deterministic else {}
    return {"precision": precision(row.compute), "images_per_batch": expander.config.images_per_batch, **fixed}


def _guide_settings(seeds: Dataset, row: ExpansionSettings, expander: Expander) -> dict[str, Any]:
    """What the guide's opinion depends on."""
    learned = {} if expander.config.head == "text" else {"head": expander.config.head}
    asked = {**_told(seeds, row, expander), "logit_scale": expander.criteria.logit_scale, **learned}
    return asked | _rounding(row, expander)


def _guide_inputs(row: ExpansionSettings, expander: Expander) -> dict[str, str]:
    return {"guide": model_name(expander.guide), "guide weights": model_checksum(expander.guide, row.hub)}


def _augmentation(seeds: Dataset, row: ExpansionSettings) -> dict[str, Any]:
    assert row.augmentation is not None
    transform = partial(getattr(augmentation, row.augmentation.kind), config=row.augmentation)
    checker, told = row.filtered_by, words(class_names(seeds), row.spec.names)
    return {
        "seed_resolution": row.spec.resolution,
        "digital_source": "algorithmicallyEnhanced",
        "seeds_per_shard": AUGMENTED_PER_SHARD,
        "seeds_per_batch": AUGMENTED_PER_BATCH,
        **(_checks(checker.config, refusing=True) if checker else _UNCHECKED),
        **({"head": checker.config.head} if checker else {}),
        "settings": {
            "augmentation": row.augmentation.model_dump(),
            **({"guide": _guide_settings(seeds, row, checker)} if checker else {}),
        },
        "inputs": _guide_inputs(row, checker) if checker else {},
        "load_augmenter": lambda: Augmentation(transform, _look(row, checker, told) if checker else None),
    }
