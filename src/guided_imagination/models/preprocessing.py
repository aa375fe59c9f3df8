"""An image processor's own steps on tensors in [0, 1], differentiable: for seeds and variants alike."""

from torch import Tensor
from transformers import TorchvisionBackend


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
