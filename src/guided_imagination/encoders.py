"""The two encoders of a CLIP or SigLIP, kept as one model of transformers or as two parts of a diffusers pipeline."""

from typing import Protocol

from torch import Tensor, nn
from transformers import CLIPModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection, SiglipModel


class Encoders(Protocol):
    """Images and texts into one space; `context` is the number of tokens that the text encoder takes."""

    image_size: int
    context: int

    def encode_images(self, pixels: Tensor) -> Tensor:
        """(B, 3, image_size, image_size), preprocessed -> (B, D), not normalised."""
        ...

    def encode_texts(self, tokens: Tensor) -> Tensor:
        """(B, context) -> (B, D), not normalised."""
        ...


class JointEncoders(nn.Module):
    """CLIPModel or SiglipModel."""

    def __init__(self, model: CLIPModel | SiglipModel) -> None:
        super().__init__()
        self.model = model
        self.image_size: int = model.config.vision_config.image_size
        self.context: int = model.config.text_config.max_position_embeddings

    def encode_images(self, pixels: Tensor) -> Tensor:
        return self.model.get_image_features(pixels).pooler_output

    def encode_texts(self, tokens: Tensor) -> Tensor:
        return self.model.get_text_features(tokens).pooler_output


class SeparateEncoders(nn.Module):
    """An image and a text encoder with their projections, as in the prior of Kandinsky 2.2."""

    def __init__(self, images: CLIPVisionModelWithProjection, texts: CLIPTextModelWithProjection) -> None:
        super().__init__()
        self.images, self.texts = images, texts
        self.image_size: int = images.config.image_size
        self.context: int = texts.config.max_position_embeddings

    def encode_images(self, pixels: Tensor) -> Tensor:
        return self.images(pixels).image_embeds

    def encode_texts(self, tokens: Tensor) -> Tensor:
        return self.texts(tokens).text_embeds
