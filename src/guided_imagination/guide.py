"""The frozen CLIP guide: features with gradients, and a zero-shot head made of class names."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, log_softmax, normalize
from transformers import CLIPModel, CLIPProcessor
from transformers.image_processing_utils import BaseImageProcessor


def preprocess(images: Tensor, processor: BaseImageProcessor) -> Tensor:
    """A CLIP image processor's own steps on tensors, differentiable: resize, centre crop, normalise.

    (B, 3, H, W) in [0, 1] -> (B, 3, h, w) as the image encoder takes it. Seeds and variants go
    through the same function.
    """
    short, crop = processor.size["shortest_edge"], processor.crop_size
    height, width = images.shape[-2:]
    if min(height, width) != short:
        size = (short * height // min(height, width), short * width // min(height, width))
        images = interpolate(images, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
    top = (images.shape[-2] - crop["height"]) // 2
    left = (images.shape[-1] - crop["width"]) // 2
    images = images[..., top : top + crop["height"], left : left + crop["width"]]
    mean = images.new_tensor(processor.image_mean)[:, None, None]
    std = images.new_tensor(processor.image_std)[:, None, None]
    return (images - mean) / std


@torch.no_grad()
def zero_shot_weights(
    model: CLIPModel, processor: CLIPProcessor, class_names: Sequence[str], templates: Sequence[str]
) -> Tensor:
    """Unit-norm text feature of each class (C, D), averaged over `templates` with `{}` for the name."""
    texts = [template.format(name) for name in class_names for template in templates]
    tokens = processor.tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(model.device)
    features = normalize(model.get_text_features(**tokens).pooler_output, dim=-1)
    return normalize(features.unflatten(0, (len(class_names), len(templates))).mean(1), dim=-1)


class Guide(nn.Module):
    """CLIP's image encoder and a zero-shot head; its parameters are frozen, gradients reach the images."""

    head: Tensor

    def __init__(
        self, model: CLIPModel, processor: CLIPProcessor, class_names: Sequence[str], templates: Sequence[str]
    ) -> None:
        super().__init__()
        self.model = model.eval().requires_grad_(False)
        self.processor = processor
        self.register_buffer("head", zero_shot_weights(model, processor, class_names, templates))

    def image_embeds(self, images: Tensor) -> Tensor:
        """Projected image embeddings (B, D), not normalised, of images (B, 3, H, W) in [0, 1]."""
        pixels = preprocess(images, self.processor.image_processor)
        return self.model.get_image_features(pixels).pooler_output

    def features(self, images: Tensor) -> Tensor:
        """Unit-norm image features (B, D)."""
        return normalize(self.image_embeds(images), dim=-1)

    def log_probs(self, features: Tensor, logit_scale: float = 100.0) -> Tensor:
        """Log of softmax(scale * cosine(image, text)) (B, C); the paper's scale is 100."""
        return log_softmax(logit_scale * features @ self.head.T, dim=-1)

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Zero-shot class (B,) of images (B, 3, H, W) in [0, 1]."""
        return (self.features(images) @ self.head.T).argmax(1)
