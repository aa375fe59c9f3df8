"""What the imagination needs of a generator, and the latent that passes between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Latent:
    """`feature` (B, ...) is perturbed; `context` (B, ...) is what else decoding needs, left as it is."""

    feature: Tensor
    context: Tensor

    def take(self, rows: Tensor) -> "Latent":
        return Latent(self.feature[rows], self.context[rows])

    def with_feature(self, feature: Tensor) -> "Latent":
        return Latent(feature, self.context)


class Generator(Protocol):
    """Encodes images into latents, shows a latent to CLIP, and decodes it into a new image."""

    def encode(self, images: Tensor, labels: Tensor) -> Latent:
        """Latents of images (B, 3, H, W) in [0, 1] with class indices (B,)."""
        ...

    def embed(self, latent: Latent) -> Tensor:
        """Unit-norm CLIP features (B, D) of what the latent stands for; differentiable in the feature."""
        ...

    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        """Images (B, 3, H, W) in [0, 1]; one random generator per sample."""
        ...

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        """Where the noise z and b live: per sample and channel, broadcastable to the feature (B, ...)."""
        ...
