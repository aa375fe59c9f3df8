"""Stable unCLIP: Stable Diffusion 2.1 conditioned on a CLIP image embedding."""

from collections.abc import Sequence

import torch
from diffusers import StableUnCLIPImg2ImgPipeline
from torch import Tensor

from guided_imagination.generators.base import Latent
from guided_imagination.generators.embedding import EmbeddingGenerator
from guided_imagination.guide import Guide


class StableUnclipGenerator(EmbeddingGenerator):
    """noise_level, in [0, 1000), is the diffusion step whose noise is added to the embedding before it is shown."""

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
