"""What a guide sees in images: features, and probabilities of the classes, without gradients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from guided_imagination.device import Batches, Placement
from guided_imagination.guide import Guide


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


Classifier = Callable[[Tensor], ZeroShot]  # of images (N, 3, H, W) in [0, 1]


@torch.no_grad()
def classify(guide: Guide, images: Tensor, logit_scale: float, placement: Placement, memory: Batches) -> ZeroShot:
    """Zero-shot classification of images (N, 3, H, W) in [0, 1]; `memory` says how many at once."""

    def run(size: int) -> ZeroShot:
        return ZeroShot.join([look(part.to(placement.device)) for part in images.split(size)])

    def look(part: Tensor) -> ZeroShot:
        features = guide.features(part)
        return ZeroShot(features.float().cpu(), guide.log_probs(features, logit_scale).float().cpu())

    with placement.autocast():
        return memory.run(run)
