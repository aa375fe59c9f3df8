"""What makes new images of seeds: guided imagination, or a classical augmentation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from guided_imagination.config import Guidance
from guided_imagination.generators.base import Generator, SeedBatch
from guided_imagination.imagination.imagine import Imagined, imagine
from guided_imagination.models.clip import ZeroShot, ZeroShotClassifier
from guided_imagination.utils.clock import Clock


class Augmenter(Protocol):
    """Makes new images of seeds, and says what it sees in images (None: it does not look)."""

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined: ...

    def classify(self, images: Tensor) -> ZeroShot | None: ...


@dataclass(frozen=True)
class Imagination:
    """Guided imagination as an Augmenter; `look` is its guide's classification, which says where it runs too."""

    generator: Generator
    look: ZeroShotClassifier
    guidance: Guidance

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined:
        placement = self.look.placement
        with placement.autocast():
            seeds = seeds.to(placement.device)
            return imagine(self.generator, self.look.guide, seeds, self.guidance, self.look.batches, clock)

    def classify(self, images: Tensor) -> ZeroShot | None:
        return self.look(images)


@dataclass(frozen=True)
class Augmentation:
    """A classical augmentation as an Augmenter: `transform(images, rngs)`."""

    transform: Callable[[Tensor, Sequence[torch.Generator]], Tensor]

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined:
        with clock("transform"):
            return Imagined(self.transform(seeds.images[seeds.owner], seeds.rngs), {})

    def classify(self, images: Tensor) -> ZeroShot | None:
        return None
