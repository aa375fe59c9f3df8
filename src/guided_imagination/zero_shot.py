"""What a guide sees in images: features, and probabilities of the classes, without gradients."""

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


@torch.no_grad()
def classify(guide: Guide, images: Tensor, logit_scale: float, placement: Placement, memory: Batches) -> ZeroShot:
    """Zero-shot classification of images (N, 3, H, W) in [0, 1]; `memory` says how many at once."""

    def run(size: int) -> ZeroShot:
        features, log_probs = [], []
        for part in images.split(size):
            seen = guide.features(part.to(placement.device)).float()
            features.append(seen.cpu())
            log_probs.append(guide.log_probs(seen, logit_scale).float().cpu())
        return ZeroShot(torch.cat(features), torch.cat(log_probs))

    with placement.autocast():
        return memory.run(run)
