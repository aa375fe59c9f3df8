"""What the frozen parts of a pipeline make of the seeds, once, before its UNet is trained."""

from collections.abc import Callable

import torch
from diffusers import AutoencoderKL, VQModel
from torch import Tensor

from guided_imagination.adaptation.seeds import Seeds
from guided_imagination.generators.base import batches

AT_ONCE = 8  # images; only memory depends on it


@torch.no_grad()
def encode_all(seeds: Seeds, encode: Callable[[Tensor], Tensor], side: int | None = None) -> Tensor:
    """`encode` of all seeds, whose images (B, 3, side, side) are in [0, 1]; (N, ...) float32 on the CPU."""
    rows = torch.arange(len(seeds))
    parts = [encode(seeds.images(rows[part], side)).float().cpu() for part in batches(len(rows), AT_ONCE)]
    return torch.cat(parts)


def quantised_latents(movq: VQModel, seeds: Seeds, side: int) -> Callable[[Tensor], Tensor]:
    """rows (B,) -> MoVQ latents (B, C, h, w), before they are quantised, as Kandinsky's UNet knows them."""
    movq = movq.to(seeds.device).eval()
    latents = encode_all(seeds, lambda images: movq.encode(images * 2 - 1).latents, side)
    movq.to("cpu")
    return lambda rows: latents[rows]


def sampled_latents(vae: AutoencoderKL, seeds: Seeds, side: int) -> Callable[[Tensor], Tensor]:
    """rows (B,) -> latents (B, C, h, w) drawn from the autoencoder's posterior, scaled to unit deviation."""
    vae = vae.to(seeds.device).eval()

    def moments(images: Tensor) -> Tensor:
        posterior = vae.encode(images * 2 - 1).latent_dist
        return torch.cat([posterior.mean, posterior.std], dim=1) * vae.config.scaling_factor

    mean, std = encode_all(seeds, moments, side).chunk(2, dim=1)
    vae.to("cpu")
    return lambda rows: mean[rows] + std[rows] * torch.randn(mean[rows].shape)
