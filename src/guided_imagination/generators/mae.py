"""GIF-MAE: the latent is the MAE encoder's output on all patches (paper, section 4.3)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from transformers import AutoImageProcessor, TorchvisionBackend, ViTMAEForPreTraining

from guided_imagination.config.models import MaeConfig
from guided_imagination.generators.base import Latent, SeedBatch, Weights
from guided_imagination.models.clip import Guide, to_size
from guided_imagination.models.device import Placement
from guided_imagination.models.loading import load_network

PATCH_EPS = 1e-6  # of the normalised targets in the loss of He et al. 2022, section 3


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
        processor: TorchvisionBackend,
        guide: Guide,
        decoding: Literal["full", "residual"],
    ) -> None:
        super().__init__()
        self.mae = mae.eval().requires_grad_(False)
        self.mae.config.mask_ratio = 0.0
        self.processor = processor
        self.guide = guide
        self.decoding = decoding
        self.register_buffer("mean", torch.tensor(processor.image_mean, device=mae.device)[:, None, None])
        self.register_buffer("std", torch.tensor(processor.image_std, device=mae.device)[:, None, None])

    @torch.no_grad()
    def encode(self, batch: SeedBatch) -> Latent:
        """Tokens (N, 1 + patches, D); the context is the scale and shift (N, 2, 3, h, w) of the decoder's output."""
        images = to_size(batch.images, self.processor)
        pixels = (images - self.mean) / self.std
        # patches are shuffled by ascending noise: an ascending sequence keeps them in order
        order = self._patch_order(len(images)).float()
        tokens = self.mae.vit(pixels.to(self.mae.dtype), noise=order).last_hidden_state.float()
        scale, shift = self._output_range(pixels)
        if self.decoding == "residual":
            shift = shift + images - (self._decoder_output(tokens) * scale + shift)
        return Latent(tokens, torch.stack([scale, shift], 1)).take(batch.owner)

    def embed(self, latent: Latent) -> Tensor:
        return self.guide.features(self._show(latent))

    @torch.no_grad()
    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        return self._show(latent)

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        """One z and b per channel, shared by all patches: (B, 1, D)."""
        return (len(feature), 1, feature.shape[-1])

    def _show(self, latent: Latent) -> Tensor:
        scale, shift = latent.context.unbind(1)
        return (self._decoder_output(latent.feature) * scale + shift).clamp(0, 1)

    def _decoder_output(self, tokens: Tensor) -> Tensor:
        """(B, 3, h, w) as the decoder was trained to predict it: normalised pixels."""
        logits = self.mae.decoder(tokens.to(self.mae.dtype), self._patch_order(len(tokens))).logits
        return self.mae.unpatchify(logits.float())

    def _output_range(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift (B, 3, h, w) that turn the decoder's output into [0, 1].

        A model trained with `norm_pix_loss` predicts patches of mean 0 and deviation 1: the seed's own
        statistics (He et al. 2022, section 3) are given back to them.
        """
        if not self.mae.config.norm_pix_loss:
            return self.std.expand_as(pixels), self.mean.expand_as(pixels)
        patches = self.mae.patchify(pixels)
        deviation = (patches.var(-1, keepdim=True) + PATCH_EPS).sqrt().expand_as(patches)
        mean = patches.mean(-1, keepdim=True).expand_as(patches)
        return self.mae.unpatchify(deviation) * self.std, self.mae.unpatchify(mean) * self.std + self.mean

    def _patch_order(self, rows: int) -> Tensor:
        config = self.mae.config
        patches = (config.image_size // config.patch_size) ** 2
        return torch.arange(patches, device=self.mae.device).expand(rows, patches)


def load(
    config: MaeConfig, weights: Weights, guide: Guide, class_names: Sequence[str], placement: Placement
) -> MaeGenerator:
    """A Loader; what fine-tuning left is a whole MAE."""
    folder, variant = (weights.adapted, None) if weights.adapted else (weights.folder, config.variant)
    mae = load_network(ViTMAEForPreTraining, folder, placement, variant)
    return MaeGenerator(mae, AutoImageProcessor.from_pretrained(weights.folder), guide, config.decoding)
