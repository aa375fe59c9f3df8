"""GIF-MAE: the latent is the MAE encoder's output on all patches (paper, section 4.3)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from transformers import ViTImageProcessor, ViTMAEForPreTraining

from guided_imagination.generators.base import Latent
from guided_imagination.guide import Guide


class MaeGenerator(nn.Module):
    """Reconstruction by a masked autoencoder at mask ratio 0.

    decoding "full" shows decode(f'); "residual" shows seed + decode(f') - decode(f), which keeps the
    detail that the decoder, never trained on visible patches, would lose.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        mae: ViTMAEForPreTraining,
        processor: ViTImageProcessor,
        guide: Guide,
        decoding: Literal["full", "residual"],
    ) -> None:
        super().__init__()
        self.mae = mae.eval().requires_grad_(False)
        self.mae.config.mask_ratio = 0.0
        self.guide = guide
        self.decoding = decoding
        self.register_buffer("mean", torch.tensor(processor.image_mean)[:, None, None])
        self.register_buffer("std", torch.tensor(processor.image_std)[:, None, None])

    @torch.no_grad()
    def encode(self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator]) -> Latent:
        """Tokens (N, 1 + patches, D); the context is the correction (N, 3, h, w) added after decoding."""
        side = self.mae.config.image_size
        images = seeds
        if images.shape[-2:] != (side, side):
            images = interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
        # patches are shuffled by ascending noise: an ascending sequence keeps them in order
        order = torch.arange((side // self.mae.config.patch_size) ** 2, device=images.device).float()
        tokens = self.mae.vit((images - self.mean) / self.std, noise=order.expand(len(images), -1)).last_hidden_state
        residual = images - self._pixels(tokens) if self.decoding == "residual" else torch.zeros_like(images)
        return Latent(tokens, residual).take(owner)

    def embed(self, latent: Latent) -> Tensor:
        return self.guide.features(self._show(latent))

    @torch.no_grad()
    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        return self._show(latent)

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        """One z and b per channel, shared by all patches: (B, 1, D)."""
        return (len(feature), 1, feature.shape[-1])

    def _show(self, latent: Latent) -> Tensor:
        return (self._pixels(latent.feature) + latent.context).clamp(0, 1)

    def _pixels(self, tokens: Tensor) -> Tensor:
        patches = tokens.shape[1] - 1
        restore = torch.arange(patches, device=tokens.device).expand(len(tokens), patches)
        pixels = self.mae.unpatchify(self.mae.decoder(tokens, restore).logits)
        return pixels * self.std + self.mean
