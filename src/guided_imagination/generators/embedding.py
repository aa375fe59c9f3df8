"""What all unCLIP decoders share: the latent is the CLIP image embedding (GIF-DALLE; paper, section 4.3)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from guided_imagination.errors import InputError
from guided_imagination.generators.base import Latent
from guided_imagination.guide import Guide


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
    def encode(self, seeds: Tensor, labels: Tensor, owner: Tensor, rngs: Sequence[torch.Generator]) -> Latent:
        """CLIP image embeddings (N, D), as the decoder was trained on them; there is no context."""
        embeds = self.guide.image_embeds(seeds)
        return Latent(embeds, embeds.new_empty(len(embeds), 0)).take(owner)

    def embed(self, latent: Latent) -> Tensor:
        return normalize(latent.feature, dim=-1)

    def noise_shape(self, feature: Tensor) -> tuple[int, ...]:
        return tuple(feature.shape)
