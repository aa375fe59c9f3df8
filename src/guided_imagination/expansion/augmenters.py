"""What makes new images of seeds: guided imagination, or a classical augmentation."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from datasets import Dataset
from torch import Tensor

from guided_imagination.config.guidance import Guidance
from guided_imagination.data.dataset import to_tensors
from guided_imagination.generators.base import Generator, SeedBatch
from guided_imagination.imagination.imagine import Imagined, imagine
from guided_imagination.models.zero_shot import ZeroShot, ZeroShotClassifier
from guided_imagination.utils.clock import Clock

SEEDS_AT_ONCE = 64  # images in memory while all are embedded


class Augmenter(Protocol):
    """Makes new images of seeds, and says what it sees in images (None: it does not look)."""

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined: ...

    def classify(self, images: Tensor) -> ZeroShot | None: ...


@dataclass(frozen=True)
class Imagination:
    """Guided imagination as an Augmenter; `look` is its guide's classification, which says where it runs too.

    Where features are planned it is their Embedder: seeds are embedded at `seed_resolution` pixels.
    """

    generator: Generator
    look: ZeroShotClassifier
    guidance: Guidance
    seed_resolution: int

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined:
        placement = self.look.placement
        with placement.autocast():
            seeds = seeds.to(placement.device)
            return imagine(self.generator, self.look.guide, seeds, self.guidance, self.look.batches, clock)

    def classify(self, images: Tensor) -> ZeroShot | None:
        return self.look(images)

    @property
    def width(self) -> int:
        return self.look.guide.width

    @property
    def device(self) -> torch.device:
        return self.look.placement.device

    def log_probs(self, features: Tensor, logit_scale: float) -> Tensor:
        return self.look.guide.log_probs(features, logit_scale)

    def embed_seeds(self, seeds: Dataset) -> Iterator[Tensor]:
        for start in range(0, len(seeds), SEEDS_AT_ONCE):
            pixels, labels = to_tensors(
                seeds.select(range(start, min(start + SEEDS_AT_ONCE, len(seeds)))), self.seed_resolution
            )
            with self.look.placement.autocast():
                batch = SeedBatch(pixels.float() / 255, labels, torch.arange(len(labels)), []).to(self.device)
                yield self.generator.encode(batch).feature.float()


@dataclass(frozen=True)
class Augmentation:
    """A classical augmentation as an Augmenter: `transform(images, rngs)`, looked at by a guide if it has one."""

    transform: Callable[[Tensor, Sequence[torch.Generator]], Tensor]
    look: ZeroShotClassifier | None = None

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined:
        with clock("transform"):
            return Imagined(self.transform(seeds.images[seeds.owner], seeds.rngs), {})

    def classify(self, images: Tensor) -> ZeroShot | None:
        return self.look(images) if self.look else None
