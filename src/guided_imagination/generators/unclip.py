"""Kandinsky 2.2's decoder: the open form of DALL-E 2's. The prior is not used."""

from collections.abc import Sequence

import torch
from diffusers import KandinskyV22Pipeline
from torch import Tensor

from guided_imagination.generators.base import Latent
from guided_imagination.generators.embedding import EmbeddingGenerator
from guided_imagination.guide import Guide


class UnclipGenerator(EmbeddingGenerator):
    """CLIP embedding -> diffusion decoder -> MoVQ; the negative image is the embedding of an all-zero input."""

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
