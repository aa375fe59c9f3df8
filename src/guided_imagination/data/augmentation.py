"""The baselines: classical augmentations with the same signature, images in, one new image per generator out."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image
from timm.data.auto_augment import rand_augment_transform
from torch import Tensor
from torchvision.transforms.v2.functional import rotate

from guided_imagination.config.augmentation import CutoutConfig, GridMaskConfig, RandAugmentConfig


def _uniform(low: float, high: float, rng: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=rng))


def cutout(images: Tensor, rngs: Sequence[torch.Generator], config: CutoutConfig) -> Tensor:
    """A black square of `length` x the side, centred anywhere (DeVries and Taylor 2017).

    (N, 3, H, W) in [0, 1] -> the same; the square is cut off at the image's border.
    """
    height, width = images.shape[-2:]
    half = config.length * min(height, width) / 2
    rows, columns = torch.arange(height)[:, None] + 0.5, torch.arange(width)[None] + 0.5
    masks = []
    for rng in rngs:
        y, x = _uniform(0, height, rng), _uniform(0, width, rng)
        masks.append(((rows - y).abs() > half) | ((columns - x).abs() > half))
    return images * torch.stack(masks)[:, None]


def gridmask(images: Tensor, rngs: Sequence[torch.Generator], config: GridMaskConfig) -> Tensor:
    """Black squares on a turned grid (Chen et al. 2020): period d in `period` x the side, `keep` of d stays.

    (N, 3, H, W) in [0, 1] -> the same.
    """
    height, width = images.shape[-2:]
    side = 2 * max(height, width)  # room to turn the grid without empty corners
    masks = []
    for rng in rngs:
        period = max(2.0, _uniform(*config.period, rng) * min(height, width))
        hidden = (1 - config.keep) ** 0.5 * period  # so that the share `keep` of the area stays
        lines = [((torch.arange(side) + 0.5 + _uniform(0, period, rng)) % period < hidden) for _ in range(2)]
        grid = ~(lines[0][:, None] & lines[1][None])
        turned = rotate(grid[None].float(), _uniform(0, 360, rng))
        top, left = (side - height) // 2, (side - width) // 2
        masks.append(turned[:, top : top + height, left : left + width])
    return images * torch.stack(masks)


def randaugment(images: Tensor, rngs: Sequence[torch.Generator], config: RandAugmentConfig) -> Tensor:
    """timm's RandAugment with its policy string, such as "rand-m10-n2-mstd0.5" (the paper's).

    (N, 3, H, W) in [0, 1] -> the same.
    """
    transform = rand_augment_transform(config.policy, {})
    out = []
    for image, rng in zip(images, rngs, strict=True):
        picture = Image.fromarray(image.mul(255).round().byte().permute(1, 2, 0).numpy())
        with _python_seeded(int(torch.randint(2**32, (), generator=rng))):
            out.append(torch.from_numpy(np.asarray(transform(picture)).copy()).permute(2, 0, 1))
    return torch.stack(out).float() / 255


@contextmanager
def _python_seeded(seed: int) -> Iterator[None]:
    """timm draws from Python's and numpy's global generators: seed both, then restore them."""
    python_state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
