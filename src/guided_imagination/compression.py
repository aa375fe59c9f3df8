"""Pixels to image files: exact and for small images PNG, smaller and for large ones WebP or JPEG."""

import io
from typing import Literal

from PIL import Image
from torch import Tensor

ImageFormat = Literal["png", "webp", "jpeg"]


def encode(pixels: Tensor, image_format: ImageFormat = "png", quality: int = 95) -> bytes:
    """An image file of pixels (3, H, W) uint8 on the CPU; `quality` in [1, 100] is for the lossy formats."""
    buffer = io.BytesIO()
    options = {} if image_format == "png" else {"quality": quality}
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(buffer, image_format, **options)
    return buffer.getvalue()
