"""Image files <-> RGB pictures."""

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn.functional import interpolate

WHITE = (255, 255, 255, 255)


def decode(content: bytes) -> Image.Image:
    """The whole RGB picture in the bytes of an image file. Raises ValueError for broken or truncated bytes."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return rgb(image)
    except Exception as error:  # decoders let anything escape on broken bytes: struct.error, SyntaxError, EOFError
        raise ValueError(f"{type(error).__name__}: {error}") from error


def rgb(image: Image.Image) -> Image.Image:
    """RGB of a picture of any mode: turned as EXIF says, transparency on white, 16 bits scaled to 8."""
    image = ImageOps.exif_transpose(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        scaled = np.rint(np.asarray(image, dtype=np.float64) / 257).clip(0, 255)
        return Image.fromarray(scaled.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        return Image.alpha_composite(Image.new("RGBA", image.size, WHITE), image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def square(image: Image.Image, side: int) -> Image.Image:
    """The largest square in the middle, resized to (side, side): nothing is stretched."""
    if image.size == (side, side):
        return image
    return ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    """The bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


ImageFormat = Literal["png", "webp", "jpeg"]


def encode(pixels: Tensor, image_format: ImageFormat = "png", quality: int = 95) -> bytes:
    """An image file of pixels (3, H, W) uint8 on the CPU; `quality` in [1, 100] is for the lossy formats."""
    buffer = io.BytesIO()
    options = {} if image_format == "png" else {"quality": quality}
    Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy()).save(buffer, image_format, **options)
    return buffer.getvalue()


def resize(images: Tensor, side: int) -> Tensor:
    """Float images (N, 3, H, W) in [0, 1] -> (N, 3, side, side) in [0, 1], bicubic without aliasing."""
    if images.shape[-2:] == (side, side):
        return images
    return interpolate(images, (side, side), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
