from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from guided_imagination.data.images import encode

# a smooth picture (3, 32, 48): lossy formats come close to it
PIXELS = torch.stack(
    [torch.arange(48).expand(32, 48) * 5, torch.arange(32)[:, None].expand(32, 48) * 7, torch.full((32, 48), 100)]
).byte()


def decoded(content):
    return torch.from_numpy(np.array(Image.open(BytesIO(content)).convert("RGB"))).permute(2, 0, 1)


def test_png_is_exact():
    content = encode(PIXELS)
    assert content.startswith(b"\x89PNG")
    assert torch.equal(decoded(content), PIXELS)


@pytest.mark.parametrize(("image_format", "name"), [("webp", "WEBP"), ("jpeg", "JPEG")])
def test_lossy_formats_come_close_and_shrink_with_quality(image_format, name):
    fine, coarse = encode(PIXELS, image_format, 95), encode(PIXELS, image_format, 5)
    assert Image.open(BytesIO(fine)).format == name
    assert (decoded(fine).float() - PIXELS.float()).abs().mean() < 3
    assert len(coarse) < len(fine)


@pytest.mark.parametrize("image_format", ["png", "webp", "jpeg"])
def test_equal_pixels_give_equal_bytes(image_format):
    assert encode(PIXELS, image_format) == encode(PIXELS.clone(), image_format)
