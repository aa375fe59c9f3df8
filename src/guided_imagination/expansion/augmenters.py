"""What makes new images of seeds: guided imagination, or a classical augmentation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from guided_imagination.config import Guidance
from guided_imagination.generators.base import Generator
from guided_imagination.imagination.imagine import Imagined, imagine
from guided_imagination.models.clip import Guide, ZeroShot, classify
from guided_imagination.models.device import Batches, Placement
from guided_imagination.utils.clock import Clock


class Maker(Protocol):
    """Makes new images of seeds, and says what it sees in images (None: it does not look)."""

    def make(
        self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator], clock: Clock
    ) -> Imagined: ...

    def classify(self, images: Tensor) -> ZeroShot | None: ...


@dataclass(frozen=True)
class Imagination:
    """Guided imagination as a Maker."""

    generator: Generator
    guide: Guide
    guidance: Guidance
    placement: Placement
    memory: Batches

    def make(
        self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator], clock: Clock
    ) -> Imagined:
        seeds, labels, owner = (tensor.to(self.placement.device) for tensor in (seeds, labels, owner))
        with self.placement.autocast():
            return imagine(self.generator, self.guide, seeds, labels, owner, self.guidance, rngs, self.memory, clock)

    def classify(self, images: Tensor) -> ZeroShot | None:
        return classify(self.guide, images, self.guidance.criteria.logit_scale, self.placement, self.memory)


@dataclass(frozen=True)
class Augmentation:
    """A classical augmentation as a Maker: `transform(images, rngs)`."""

    transform: Callable[[Tensor, Sequence[torch.Generator]], Tensor]

    def make(
        self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator], clock: Clock
    ) -> Imagined:
        with clock("transform"):
            return Imagined(self.transform(seeds[owner], rngs), {})

    def classify(self, images: Tensor) -> ZeroShot | None:
        return None
