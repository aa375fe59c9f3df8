"""What a finished classifier sees in image files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from guided_imagination.data.images import decode, square, squeezed
from guided_imagination.utils.errors import InputError


def pixels(path: Path, resolution: int, fit: Literal["crop", "squeeze"]) -> Tensor:
    """An image file as (3, H, W) uint8, made square as the images of a dataset are. Raises InputError if unreadable."""
    try:
        content = path.read_bytes()
        image = decode(squeezed(content) if fit == "squeeze" else content)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): give image files") from error
    except ValueError as error:
        raise InputError(f"{path} is not an image that can be read ({error}): give JPEG, PNG or the like") from error
    return torch.from_numpy(np.array(square(image, resolution))).permute(2, 0, 1)


def predict(
    classify: Callable[[Tensor], Tensor],
    paths: Sequence[Path],
    names: Sequence[str],
    *,
    resolution: int,
    fit: Literal["crop", "squeeze"],
    top: int,
) -> list[list[tuple[str, float]]]:
    """The `top` classes of every file with their probabilities, the most probable first.

    classify: images (B, 3, H, W) uint8 -> probabilities (B, C), of the classes `names`. Raises InputError for the
    first file that is no image, before any is classified.
    """
    images = [pixels(path, resolution, fit) for path in paths]
    found = []
    with torch.no_grad():
        for image in images:  # one by one: what one image is given does not depend on the others
            values, classes = classify(image[None])[0].topk(min(top, len(names)))
            found.append(
                [(names[index], value) for index, value in zip(classes.tolist(), values.tolist(), strict=True)]
            )
    return found
