"""GIF-SD: the latent is what Stable Diffusion makes of the seed, before its autoencoder shows it."""

from collections.abc import Sequence

import torch
from diffusers import DDIMScheduler, StableDiffusionImg2ImgPipeline
from torch import Tensor, nn
from torchvision.transforms.v2.functional import InterpolationMode, hflip, rotate

from guided_imagination.config.models import StableDiffusionConfig
from guided_imagination.data.images import resize
from guided_imagination.generators.base import Latent, SeedBatch, Weights
from guided_imagination.models.clip import Guide
from guided_imagination.models.device import Placement
from guided_imagination.models.loading import load_pipeline


class StableDiffusionGenerator(nn.Module):
    """Image to image: each variant turns and flips the seed and prompts "domain adjective class" at random.

    The denoised latent (4, h, w) is then perturbed per channel, seen by CLIP through the autoencoder, and decoded.
    """

    def __init__(
        self,
        pipeline: StableDiffusionImg2ImgPipeline,
        guide: Guide,
        class_names: Sequence[str],
        config: StableDiffusionConfig,
    ) -> None:
        super().__init__()
        self.pipeline = pipeline
        # what Stable Diffusion was trained with, and DDIM's defaults are not: latents are no pixels in [-1, 1]
        self.pipeline.scheduler = DDIMScheduler.from_config(
            pipeline.scheduler.config, clip_sample=False, set_alpha_to_one=False
        )
        self.pipeline.set_progress_bar_config(disable=True)
        # guidance goes back through the decoder at full size: keep its inputs alone
        self.pipeline.vae.enable_gradient_checkpointing()
        self.guide = guide
        self.class_names = class_names
        self.config = config

    @torch.no_grad()
    def encode(self, batch: SeedBatch) -> Latent:
        """Denoised latents (N, 4, h, w), scaled as the diffusion sees them (unit deviation); there is no context."""
        images = resize(batch.images, self.config.image_size)
        pairs = list(zip(batch.owner.tolist(), batch.rngs, strict=True))
        turned = torch.stack([self._turn(images[row], rng) for row, rng in pairs])
        prompts = [self._prompt(int(batch.labels[row]), rng) for row, rng in pairs]
        latents = self.pipeline(
            prompt=prompts,
            image=turned,
            strength=self.config.strength,
            num_inference_steps=self.config.inference_steps,
            guidance_scale=self.config.guidance_scale,
            eta=0.0,
            generator=list(batch.rngs),
            output_type="latent",
        ).images.float()
        return Latent(latents, latents.new_empty(len(latents), 0))

    def embed(self, latent: Latent) -> Tensor:
        return self.guide.features(self._show(latent))

    @torch.no_grad()
    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        return self._show(latent)

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        """One z and b per channel, shared by all positions: (B, 4, 1, 1)."""
        return (*feature.shape[:2], 1, 1)

    def _show(self, latent: Latent) -> Tensor:
        vae = self.pipeline.vae
        images = vae.decode((latent.feature / vae.config.scaling_factor).to(vae.dtype)).sample
        return (images.float() / 2 + 0.5).clamp(0, 1)

    def _turn(self, image: Tensor, rng: torch.Generator) -> Tensor:
        """`image` (3, H, W) rotated about its centre, corners black, and flipped."""
        angle = (2 * torch.rand((), generator=rng).item() - 1) * self.config.rotation
        image = rotate(image, angle, InterpolationMode.BILINEAR)
        return hflip(image) if torch.rand((), generator=rng).item() < self.config.flip else image

    def _prompt(self, label: int, rng: torch.Generator) -> str:
        words = [_pick(self.config.domains, rng), _pick(self.config.adjectives, rng), self.class_names[label]]
        return " ".join(word for word in words if word)


def _pick(options: Sequence[str], rng: torch.Generator) -> str:
    return options[int(torch.randint(len(options), (), generator=rng))]


def load(
    config: StableDiffusionConfig, weights: Weights, guide: Guide, class_names: Sequence[str], placement: Placement
) -> StableDiffusionGenerator:
    """A Loader."""
    unused = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = load_pipeline(
        StableDiffusionImg2ImgPipeline, weights.folder, placement, weights.adapted, config.variant, **unused
    )
    return StableDiffusionGenerator(pipeline, guide, class_names, config)
