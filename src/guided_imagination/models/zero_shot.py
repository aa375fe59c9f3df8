"""What a guide sees in images: it knows no network, so that records of what was seen can be read without one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from guided_imagination.models.device import Batches, Placement

if TYPE_CHECKING:
    from guided_imagination.models.clip import Guide  # imports transformers


@dataclass(frozen=True)
class ZeroShot:
    """Of N images: unit-norm `features` (N, D) and `log_probs` (N, C) of the classes, float32 on the CPU."""

    features: Tensor
    log_probs: Tensor

    @property
    def predictions(self) -> Tensor:
        """The most probable class (N,)."""
        return self.log_probs.argmax(1)

    def probability(self, labels: Tensor) -> Tensor:
        """The probability (N,) of each image's own label (N,)."""
        return self.log_probs.gather(1, labels[:, None])[:, 0].exp()

    @classmethod
    def join(cls, parts: Sequence["ZeroShot"]) -> "ZeroShot":
        """One after the other."""
        return cls(torch.cat([part.features for part in parts]), torch.cat([part.log_probs for part in parts]))


@dataclass(frozen=True)
class ZeroShotClassifier:
    """What `guide` sees in images (N, 3, H, W) in [0, 1]; `batches` says how many at once."""

    guide: "Guide"
    logit_scale: float
    placement: Placement
    batches: Batches

    @torch.no_grad()
    def __call__(self, images: Tensor) -> ZeroShot:
        with self.placement.autocast():
            return self.batches.run(lambda size: ZeroShot.join([self._look(part) for part in images.split(size)]))

    def _look(self, images: Tensor) -> ZeroShot:
        features = self.guide.features(images.to(self.placement.device))
        return ZeroShot(features.float().cpu(), self.guide.log_probs(features, self.logit_scale).float().cpu())
