"""Captions for images that have only a class: varied templates, and words for what is seen.

A caption names the class and, at random, visible attributes (dark, wide, patterned, ...). The words
make the CLIP embedding keep more of an image than its class, which the unCLIP decoder then shows.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from guided_imagination.config.pretraining import Attribute, Foreground, Measure

LUMINANCE = torch.tensor([0.299, 0.587, 0.114])  # of red, green and blue (ITU-R BT.601)


def _brightness(images: Tensor, luminance: Tensor, mask: Tensor) -> Tensor:
    return (luminance * mask).sum((1, 2)) / mask.sum((1, 2)).clamp(min=1)


def _texture(images: Tensor, luminance: Tensor, mask: Tensor) -> Tensor:
    down, right = luminance[:, 1:] - luminance[:, :-1], luminance[:, :, 1:] - luminance[:, :, :-1]
    return down.abs().mean((1, 2)) + right.abs().mean((1, 2))


# of images (N, 3, H, W), their luminance (N, H, W) and their object's pixels (N, H, W)
MEASURES: dict[Measure, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "brightness": _brightness,  # of the object
    "width": lambda images, luminance, mask: mask.any(1).float().sum(1),
    "height": lambda images, luminance, mask: mask.any(2).float().sum(1),
    "area": lambda images, luminance, mask: mask.float().sum((1, 2)),
    "texture": _texture,  # mean step between neighbours, all over the image
    "redness": lambda images, luminance, mask: (images[:, 0] - images[:, 2]).mean((1, 2)),
}


def measure(images: Tensor, attributes: Sequence[Attribute], foreground: Foreground) -> Tensor:
    """The attributes of images (N, 3, H, W) in [0, 1] as numbers (N, A)."""
    luminance = torch.einsum("nchw,c->nhw", images, LUMINANCE)
    mask = luminance < foreground.threshold if foreground.darker else luminance > foreground.threshold
    columns = [MEASURES[attribute.measure](images, luminance, mask) for attribute in attributes]
    return torch.stack(columns, dim=1) if columns else torch.zeros(len(images), 0)


def levels(measures: Tensor, labels: Tensor) -> Tensor:
    """Third of its own class that each measure falls into: -1 low, 0 middle, 1 high; (N, A) int8."""
    out = torch.zeros_like(measures, dtype=torch.int8)
    if not measures.shape[1]:
        return out
    for label in labels.unique():
        rows = labels == label
        low, high = measures[rows].quantile(torch.tensor([1 / 3, 2 / 3]), dim=0)
        out[rows] = (measures[rows] > high).to(torch.int8) - (measures[rows] < low).to(torch.int8)
    return out


def words(attributes: Mapping[str, Attribute]) -> list[tuple[str, str]]:
    """The words for low and high of each attribute."""
    return [(attribute.low, attribute.high) for attribute in attributes.values()]


def write(
    templates: Sequence[str],
    said: Sequence[tuple[str, str]],
    class_names: Sequence[str],
    labels: Tensor,
    levels: Tensor,
) -> tuple[list[str], Tensor]:
    """A random caption per image and the matrix (N, N) of which caption is true of which image.

    An extreme attribute is mentioned with probability one half, by its words in `said`. Caption j is true of image i
    if the classes are equal and every attribute that j mentions has the same level in i.
    """
    mentioned = (torch.rand(levels.shape) < 0.5) & (levels != 0)
    template = torch.randint(len(templates), (len(labels),)).tolist()
    texts = []
    for row, label in enumerate(labels.tolist()):
        seen = [said[a][(int(levels[row, a]) + 1) // 2] for a in mentioned[row].nonzero().flatten().tolist()]
        texts.append(templates[template[row]].format(" ".join([*seen, class_names[label]])))
    agrees = (levels[:, None] == levels[None]) | ~mentioned[None]
    return texts, (labels[:, None] == labels[None]) & agrees.all(-1)
