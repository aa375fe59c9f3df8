from pathlib import Path

import pytest
import torch
from PIL import Image

from guided_imagination.training.model_selection import pixels, predict
from guided_imagination.utils.errors import InputError

NAMES = ["black", "grey", "white"]


def brightness(images: torch.Tensor) -> torch.Tensor:
    """Probabilities (B, 3) of dark, middle and bright images (B, 3, 8, 8)."""
    assert images.shape[1:] == (3, 8, 8)
    assert images.dtype == torch.uint8
    level = images.float().mean((1, 2, 3)) / 255
    return torch.stack([1 - level, 0.5 * torch.ones_like(level), level], 1) / 1.5


def painted(folder: Path, name: str, *levels: int, size: tuple[int, int] = (30, 10)) -> Path:
    """Stripes of these grey levels from left to right."""
    image = Image.new("L", (len(levels), 1))
    image.putdata(levels)
    image.resize(size, Image.Resampling.NEAREST).save(folder / name)
    return folder / name


def test_the_most_probable_come_first_of_as_many_as_asked(tmp_path: Path) -> None:
    paths = [painted(tmp_path, "a.png", 255), painted(tmp_path, "b.jpg", 0)]
    white, black = predict(brightness, paths, NAMES, resolution=8, fit="crop", top=2)
    assert [name for name, _ in white] == ["white", "grey"]
    assert [name for name, _ in black] == ["black", "grey"]
    assert white[0][1] == pytest.approx(1 / 1.5)
    assert len(predict(brightness, paths[:1], NAMES, resolution=8, fit="crop", top=9)[0]) == 3


def test_images_become_square_as_those_of_the_dataset(tmp_path: Path) -> None:
    path = painted(tmp_path, "a.png", 0, 255, 0)  # the middle third is the square
    assert pixels(path, 8, "crop").min() > 200
    assert pixels(path, 8, "squeeze")[:, :, 0].max() < 100


@pytest.mark.parametrize("content", [None, b"", b"no image", b"\x89PNG\r\n\x1a\n broken"])
@pytest.mark.parametrize("fit", ["crop", "squeeze"])
def test_what_is_no_image_is_named_before_any_work(content: bytes | None, fit: str, tmp_path: Path) -> None:
    good, bad = painted(tmp_path, "good.png", 9), tmp_path / "bad.png"
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.png (cannot be read|is not a readable image) \(.+\): give"):
        predict(pytest.fail, [good, bad], NAMES, resolution=8, fit=fit, top=1)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        pixels(tmp_path, 8, "crop")
