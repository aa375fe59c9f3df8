"""GIF-DALLE: unCLIP decoders, open forms of DALL-E 2's; the latent is the CLIP image embedding (paper, section 4.3)."""

from collections.abc import Sequence

import torch
from diffusers import KandinskyV22Pipeline, StableUnCLIPImg2ImgPipeline
from torch import Tensor, nn
from torch.nn.functional import normalize

from guided_imagination.config.models import StableUnclipConfig, UnclipConfig
from guided_imagination.generators.base import Latent, SeedBatch, Weights
from guided_imagination.models.clip import Guide
from guided_imagination.models.device import Placement
from guided_imagination.models.loading import load_pipeline
from guided_imagination.utils.errors import InputError


class EmbeddingGenerator(nn.Module):
    """Guidance acts on the embedding itself: nothing is decoded until the final image.

    width: of the embeddings that the decoder was trained on. Raises InputError if the guide's differ.
    """

    def __init__(self, guide: Guide, width: int, decoder: str) -> None:
        super().__init__()
        if guide.width != width:
            raise InputError(
                f"{decoder} shows CLIP embeddings of width {width}, but the guide's have {guide.width}: "
                "set the guide to the CLIP that this generator was trained with"
            )
        self.guide = guide

    @torch.no_grad()
    def encode(self, batch: SeedBatch) -> Latent:
        """CLIP image embeddings (N, D), as the decoder was trained on them; there is no context."""
        embeds = self.guide.image_embeds(batch.images) if batch.embeds is None else batch.embeds
        return Latent(embeds, embeds.new_empty(len(embeds), 0)).take(batch.owner)

    def embed(self, latent: Latent) -> Tensor:
        return normalize(latent.feature, dim=-1)

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        return tuple(feature.shape)


class UnclipGenerator(EmbeddingGenerator):
    """Kandinsky 2.2, without its prior: CLIP embedding -> diffusion decoder -> MoVQ.

    The negative image is the embedding of an all-zero input.
    """

    negative: Tensor

    def __init__(
        self,
        pipeline: KandinskyV22Pipeline,
        guide: Guide,
        image_size: int,
        inference_steps: int,
        guidance_scale: float,
    ) -> None:
        super().__init__(guide, pipeline.unet.config.encoder_hid_dim, "the Kandinsky decoder")
        self.pipeline = pipeline
        self.pipeline.set_progress_bar_config(disable=True)
        self.image_size = image_size
        self.inference_steps = inference_steps
        self.guidance_scale = guidance_scale
        self.register_buffer("negative", guide.zero_embedding())

    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        images = self.pipeline(
            image_embeds=latent.feature.to(self.pipeline.unet.dtype),
            negative_image_embeds=self.negative.expand_as(latent.feature).to(self.pipeline.unet.dtype),
            height=self.image_size,
            width=self.image_size,
            num_inference_steps=self.inference_steps,
            guidance_scale=self.guidance_scale,
            generator=list(rngs),
            output_type="pt",
        ).images
        return (images.float() / 2 + 0.5).clamp(0, 1)


class StableUnclipGenerator(EmbeddingGenerator):
    """Stable Diffusion 2.1 conditioned on a CLIP image embedding.

    noise_level, in [0, 1000), is the diffusion step whose noise is added to the embedding before it is shown.
    """

    def __init__(
        self,
        pipeline: StableUnCLIPImg2ImgPipeline,
        guide: Guide,
        image_size: int,
        inference_steps: int,
        guidance_scale: float,
        noise_level: int,
    ) -> None:
        super().__init__(guide, pipeline.image_normalizer.config.embedding_dim, "the stable unCLIP decoder")
        self.pipeline = pipeline
        self.pipeline.set_progress_bar_config(disable=True)
        self.image_size = image_size
        self.inference_steps = inference_steps
        self.guidance_scale = guidance_scale
        self.noise_level = noise_level

    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        return self.pipeline(
            image_embeds=latent.feature.to(self.pipeline.unet.dtype),
            prompt=[""] * len(latent),
            height=self.image_size,
            width=self.image_size,
            num_inference_steps=self.inference_steps,
            guidance_scale=self.guidance_scale,
            noise_level=self.noise_level,
            generator=list(rngs),  # each row draws the embedding's noise, then the image's, from its own
            output_type="pt",
        ).images.float()


def load_kandinsky(
    config: UnclipConfig, weights: Weights, guide: Guide, class_names: Sequence[str], placement: Placement
) -> UnclipGenerator:
    """A Loader."""
    pipeline = load_pipeline(KandinskyV22Pipeline, weights.folder, placement, weights.adapted, config.variant)
    return UnclipGenerator(pipeline, guide, config.image_size, config.inference_steps, config.guidance_scale)


def load_stable_unclip(
    config: StableUnclipConfig, weights: Weights, guide: Guide, class_names: Sequence[str], placement: Placement
) -> StableUnclipGenerator:
    """A Loader."""
    pipeline = load_pipeline(StableUnCLIPImg2ImgPipeline, weights.folder, placement, weights.adapted, config.variant)
    return StableUnclipGenerator(
        pipeline, guide, config.image_size, config.inference_steps, config.guidance_scale, config.noise_level
    )
