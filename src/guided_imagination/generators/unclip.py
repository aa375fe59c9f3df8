"""GIF-DALLE: the latent is the CLIP image embedding, an unCLIP decoder shows it (paper, section 4.3)."""

from collections.abc import Sequence

import torch
from diffusers import KandinskyV22Pipeline
from torch import Tensor, nn
from torch.nn.functional import normalize

from guided_imagination.generators.base import Latent
from guided_imagination.guide import Guide


class UnclipGenerator(nn.Module):
    """Kandinsky 2.2's decoder: the open form of DALL-E 2's. The prior is not used.

    Guidance acts on the embedding itself, so nothing is decoded until the final image.
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
        super().__init__()
        self.pipeline = pipeline
        self.pipeline.set_progress_bar_config(disable=True)
        self.guide = guide
        self.image_size = image_size
        self.inference_steps = inference_steps
        self.guidance_scale = guidance_scale
        self.register_buffer("negative", self._zero_embedding())

    @torch.no_grad()
    def _zero_embedding(self) -> Tensor:
        """(1, D): the embedding of an all-zero encoder input, what Kandinsky calls the negative image."""
        crop = self.guide.processor.image_processor.crop_size
        zeros = torch.zeros(1, 3, crop["height"], crop["width"], device=self.guide.head.device)
        return self.guide.model.get_image_features(zeros).pooler_output

    @torch.no_grad()
    def encode(self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator]) -> Latent:
        """CLIP image embeddings (N, D), as the decoder was trained on them; there is no context."""
        embeds = self.guide.image_embeds(seeds)
        return Latent(embeds, embeds.new_empty(len(embeds), 0)).take(owner)

    def embed(self, latent: Latent) -> Tensor:
        return normalize(latent.feature, dim=-1)

    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> Tensor:
        images = self.pipeline(
            image_embeds=latent.feature,
            negative_image_embeds=self.negative.expand(len(latent.feature), -1),
            height=self.image_size,
            width=self.image_size,
            num_inference_steps=self.inference_steps,
            guidance_scale=self.guidance_scale,
            generator=list(rngs),
            output_type="pt",
        ).images
        return (images / 2 + 0.5).clamp(0, 1)

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        return tuple(feature.shape)
