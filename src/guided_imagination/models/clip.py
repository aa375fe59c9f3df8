"""The frozen guide: an image encoder, with gradients, and a linear head on its features."""

import string
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import (
    CLIPModel,
    CLIPTextModelWithProjection,
    CLIPVisionModelWithProjection,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    SiglipModel,
    TorchvisionBackend,
)

from guided_imagination.models.heads import Head

OWN_SCALE = 100.0  # of encoders that were trained without one: CLIP's


class ImageEncoder(Protocol):
    """Images into a space; `logit_scale` is what cosines were multiplied by when it was trained."""

    image_size: int
    logit_scale: float

    def encode_images(self, pixels: Tensor) -> Tensor:
        """(B, 3, image_size, image_size), preprocessed -> (B, D), not normalised."""
        ...


class Encoders(ImageEncoder, Protocol):
    """Images and texts into one space; `context` is the number of tokens that the text encoder takes."""

    context: int

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
        self.logit_scale = model.logit_scale.detach().float().exp().item()

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
        self.logit_scale = OWN_SCALE

    def encode_images(self, pixels: Tensor) -> Tensor:
        return self.images(pixels).image_embeds

    def encode_texts(self, tokens: Tensor) -> Tensor:
        return self.texts(tokens).text_embeds


class PooledEncoder(nn.Module):
    """An image encoder of transformers with a pooled output, such as DINOv2."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.image_size: int = model.config.image_size
        self.logit_scale = OWN_SCALE

    def encode_images(self, pixels: Tensor) -> Tensor:
        return self.model(pixels).pooler_output.flatten(1)


class TimmEncoder(nn.Module):
    """A network of timm without its classifier."""

    def __init__(self, network: nn.Module, image_size: int) -> None:
        super().__init__()
        self.network, self.image_size, self.logit_scale = network, image_size, OWN_SCALE

    def encode_images(self, pixels: Tensor) -> Tensor:
        return self.network(pixels)


TEXTS_PER_BATCH = 256
PUNCTUATION = str.maketrans("", "", string.punctuation)


def canonical(text: str) -> str:
    """As SigLIP's texts were in training: lower case, no punctuation. SigLIP 2's tokenizer leaves that to its user."""
    return " ".join(text.translate(PUNCTUATION).lower().split())


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
    keeps_case = tokenizer("A").input_ids != tokenizer("a").input_ids
    if keeps_case and isinstance(getattr(encoders, "model", None), SiglipModel):
        texts = [canonical(text) for text in texts]
    tokens = tokenizer(
        texts, padding="max_length", truncation=True, max_length=encoders.context, return_tensors="pt"
    ).input_ids
    parts = [encoders.encode_texts(part.to(device)).float() for part in tokens.split(TEXTS_PER_BATCH)]
    features = normalize(torch.cat(parts), dim=-1)
    return normalize(features.unflatten(0, (len(class_names), len(templates))).mean(1), dim=-1)


class Guide(nn.Module):
    """An image encoder and a linear head (models.heads); frozen, but gradients reach the images.

    Features and probabilities are float32, whatever the precision of the weights. It starts with `text`, the head of
    the class names; without a tokenizer that is None, and it has to be given a head before it classifies.
    """

    head: Tensor | None  # weight (C, D)
    bias: Tensor | None  # (C,)

    def __init__(
        self,
        encoders: JointEncoders | SeparateEncoders | PooledEncoder | TimmEncoder,
        image_processor: TorchvisionBackend,
        tokenizer: PreTrainedTokenizerBase | None,
        class_names: Sequence[str],
        templates: Sequence[str],
    ) -> None:
        super().__init__()
        self.encoders = encoders.eval().requires_grad_(False)
        self.image_processor = image_processor
        self.dtype = next(encoders.parameters()).dtype
        self.register_buffer("head", None)
        self.register_buffer("bias", None)
        self.text: Head | None = None
        if tokenizer is not None and not isinstance(encoders, PooledEncoder | TimmEncoder):
            words = zero_shot_weights(encoders, tokenizer, class_names, templates, self.device)
            self.text = Head(words, words.new_zeros(len(words)))
            self.head, self.bias = self.text.weight, self.text.bias

    def with_head(self, head: Head) -> "Guide":
        """The same encoder with another head."""
        other = copy(self)
        other._buffers = {**self._buffers, "head": head.weight.to(self.device), "bias": head.bias.to(self.device)}
        return other

    def without_normalisation(self) -> "Guide":
        """The same guide, which gives images to its encoder in [0, 1], as the authors' code does with new ones."""
        other, other_processor = copy(self), copy(self.image_processor)
        other_processor.do_normalize = False
        other.image_processor = other_processor
        return other

    @property
    def device(self) -> torch.device:
        return next(self.encoders.parameters()).device

    @property
    def logit_scale(self) -> float:
        """The scale at which its heads are calibrated: that of the encoder's training."""
        return self.encoders.logit_scale

    @cached_property
    def width(self) -> int:
        """D, the size of an embedding."""
        return self.zero_embedding().shape[1] if self.head is None else self.head.shape[1]

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
        """Log of softmax(scale * (head @ feature + bias)) (B, C), with cosines to the texts for CLIP's own head.

        The paper's scale is 100. Raises ValueError if it has no head.
        """
        if self.head is None or self.bias is None:
            raise ValueError("an encoder without words needs a head before it can classify")
        return Head(self.head, self.bias).log_probs(features, logit_scale)

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Class (B,) of images (B, 3, H, W) in [0, 1]."""
        return self.log_probs(self.features(images)).argmax(1)


def to_size(images: Tensor, processor: TorchvisionBackend) -> Tensor:
    """Resize and crop (B, 3, H, W) in [0, 1] to (B, 3, h, w) in [0, 1] as the processor does."""
    if processor.do_resize:
        images = processor.resize(images, processor.size, resample=processor.resample).clamp(0, 1)
    if processor.do_center_crop:
        images = processor.center_crop(images, processor.crop_size)
    return images


def preprocess(images: Tensor, processor: TorchvisionBackend) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 3, h, w) as the processor gives it to its network."""
    images = to_size(images, processor)
    return processor.normalize(images, processor.image_mean, processor.image_std) if processor.do_normalize else images
