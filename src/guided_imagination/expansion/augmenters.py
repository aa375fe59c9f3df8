"""What makes new images of seeds: guided imagination, or a classical augmentation."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from guided_imagination.config.guidance import Guidance
from guided_imagination.config.models import HeadChoice
from guided_imagination.generators.base import Generator, SeedBatch
from guided_imagination.imagination.imagine import Imagined, imagine
from guided_imagination.models.heads import Features, Fitted, Head
from guided_imagination.models.zero_shot import ZeroShot, ZeroShotClassifier
from guided_imagination.utils.clock import Clock


class Augmenter(Protocol):
    """Makes new images of seeds, and says what its guide sees in images (None: it has none)."""

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined: ...

    def classify(self, images: Tensor) -> ZeroShot | None: ...

    def embed(self, images: Tensor) -> Tensor | None:
        """The guide's embeddings (N, D), not normalised, of images that are to be recognised more than once."""
        ...

    def recognise(self, embeds: Tensor) -> ZeroShot:
        """What the guide sees in embedded images."""
        ...

    def fit(self, choice: HeadChoice, batches: Features, classes: int) -> Fitted:
        """A head of the guide from embedded seed images."""
        ...

    def with_head(self, head: Head) -> Self: ...


class Looking:
    """What an Augmenter says of images, by the guide that it looks with."""

    look: ZeroShotClassifier | None

    def classify(self, images: Tensor) -> ZeroShot | None:
        return self.look(images) if self.look else None

    def embed(self, images: Tensor) -> Tensor | None:
        return self.look.embed(images) if self.look else None

    def recognise(self, embeds: Tensor) -> ZeroShot:
        assert self.look is not None
        return self.look.recognise(embeds)

    def fit(self, choice: HeadChoice, batches: Features, classes: int) -> Fitted:
        assert self.look is not None
        return self.look.fit(choice, batches, classes)

    def with_head(self, head: Head) -> Self:
        assert self.look is not None
        other = copy(self)
        object.__setattr__(other, "look", self.look.with_head(head))
        return other


@dataclass(frozen=True)
class Imagination(Looking):
    """Guided imagination as an Augmenter; `look` is its guide's classification, which says where it runs too.

    Where features are planned it is their Judge.
    """

    generator: Generator
    look: ZeroShotClassifier
    guidance: Guidance

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined:
        placement = self.look.placement
        with placement.autocast():
            seeds = seeds.to(placement.device)
            return imagine(self.generator, self.look.guide, seeds, self.guidance, self.look.batches, clock)

    @property
    def device(self) -> torch.device:
        return self.look.placement.device

    def log_probs(self, features: Tensor, logit_scale: float) -> Tensor:
        return self.look.guide.log_probs(features, logit_scale)


@dataclass(frozen=True)
class Augmentation(Looking):
    """A classical augmentation as an Augmenter: `transform(images, rngs)`, looked at by a guide if it has one."""

    transform: Callable[[Tensor, Sequence[torch.Generator]], Tensor]
    look: ZeroShotClassifier | None = None

    def make(self, seeds: SeedBatch, clock: Clock) -> Imagined:
        with clock("transform"):
            return Imagined(self.transform(seeds.images[seeds.owner], seeds.rngs), {})
