"""The frozen CLIP guide: features with gradients, and a zero-shot head made of class names."""

from collections.abc import Sequence
from copy import copy
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, normalize
from transformers import (
    CLIPModel,
    CLIPTextModelWithProjection,
    CLIPVisionModelWithProjection,
    PreTrainedTokenizerBase,
    SiglipModel,
    TorchvisionBackend,
)

from guided_imagination.models.preprocessing import preprocess


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


TEXTS_PER_BATCH = 256


@torch.no_grad()
def zero_shot_weights(
    encoders: Encoders,
    tokenizer: PreTrainedTokenizerBase,
    class_names: Sequence[str],
    templates: Sequence[str],
    device: torch.device,
) -> Tensor:
    """Unit-norm text feature of each class (C, D), averaged over `templates` with `{}` for the name.

    Texts are padded to the full context and go without a mask: SigLIP was trained so, and CLIP, which is causal,
    does not look at what follows the end of a text.
    """
    texts = [template.format(name) for name in class_names for template in templates]
    tokens = tokenizer(
        texts, padding="max_length", truncation=True, max_length=encoders.context, return_tensors="pt"
    ).input_ids
    parts = [encoders.encode_texts(part.to(device)).float() for part in tokens.split(TEXTS_PER_BATCH)]
    features = normalize(torch.cat(parts), dim=-1)
    return normalize(features.unflatten(0, (len(class_names), len(templates))).mean(1), dim=-1)


class Guide(nn.Module):
    """An image encoder and a zero-shot head; frozen, but gradients reach the images.

    Features and probabilities are float32, whatever the precision of the weights.
    """

    head: Tensor

    def __init__(
        self,
        encoders: JointEncoders | SeparateEncoders,
        image_processor: TorchvisionBackend,
        tokenizer: PreTrainedTokenizerBase,
        class_names: Sequence[str],
        templates: Sequence[str],
    ) -> None:
        super().__init__()
        self.encoders = encoders.eval().requires_grad_(False)
        self.image_processor = image_processor
        weights = next(encoders.parameters())
        self.dtype = weights.dtype
        self.register_buffer("head", zero_shot_weights(encoders, tokenizer, class_names, templates, weights.device))

    def without_normalisation(self) -> "Guide":
        """The same guide, which gives images to its encoder in [0, 1], as the authors' code does with new ones."""
        other, other_processor = copy(self), copy(self.image_processor)
        other_processor.do_normalize = False
        other.image_processor = other_processor
        return other

    @property
    def device(self) -> torch.device:
        return self.head.device

    @property
    def width(self) -> int:
        """D, the size of an embedding."""
        return self.head.shape[1]

    def image_embeds(self, images: Tensor) -> Tensor:
        """Projected image embeddings (B, D), not normalised, of images (B, 3, H, W) in [0, 1]."""
        return self.encoders.encode_images(preprocess(images, self.image_processor).to(self.dtype)).float()

    @torch.no_grad()
    def zero_embedding(self) -> Tensor:
        """(1, D): the embedding of an all-zero encoder input, what Kandinsky calls the negative image."""
        side = self.encoders.image_size
        return self.encoders.encode_images(torch.zeros(1, 3, side, side, dtype=self.dtype, device=self.device)).float()

    def features(self, images: Tensor) -> Tensor:
        """Unit-norm image features (B, D)."""
        return normalize(self.image_embeds(images), dim=-1)

    def log_probs(self, features: Tensor, logit_scale: float = 100.0) -> Tensor:
        """Log of softmax(scale * cosine(image, text)) (B, C); the paper's scale is 100."""
        with torch.autocast(features.device.type, enabled=False):  # a scale of 100 leaves 16 bits no digits
            return log_softmax(logit_scale * features.float() @ self.head.T, dim=-1)

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Zero-shot class (B,) of images (B, 3, H, W) in [0, 1]."""
        return self.log_probs(self.features(images)).argmax(1)
