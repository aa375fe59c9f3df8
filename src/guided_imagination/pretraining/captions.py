"""Captions for images that have only a class: varied templates, and words for what is seen.

A caption names the class and, at random, visible attributes (dark, wide, patterned, ...). The words
make the CLIP embedding keep more of an image than its class, which the unCLIP decoder then shows.
"""

import torch
from torch import Tensor

TEMPLATES = (
    "a photo of a {}.",
    "a picture of a {}.",
    "a grayscale photo of a {}.",
    "a catalog image of a {}.",
    "a small photo of the {}.",
    "one {} on a black background.",
    "this is a {}.",
    "a {}.",
)
# attribute -> (word for the lowest third within the class, word for the highest third)
ATTRIBUTES = {
    "brightness": ("dark", "bright"),
    "width": ("narrow", "wide"),
    "height": ("short", "long"),
    "texture": ("plain", "patterned"),
}


def attributes(images: Tensor) -> Tensor:
    """The attributes of grey images (N, H, W) in [0, 1] as numbers (N, len(ATTRIBUTES))."""
    ink = images > 0.1
    brightness = (images * ink).sum((1, 2)) / ink.sum((1, 2)).clamp(min=1)
    width = ink.any(1).float().sum(1)
    height = ink.any(2).float().sum(1)
    steps = (images[:, 1:] - images[:, :-1]).abs().mean((1, 2)) + (images[:, :, 1:] - images[:, :, :-1]).abs().mean(
        (1, 2)
    )
    return torch.stack([brightness, width, height, steps], dim=1)


def levels(measures: Tensor, labels: Tensor) -> Tensor:
    """Third of its own class that each measure falls into: -1 low, 0 middle, 1 high; (N, A) int8."""
    out = torch.zeros_like(measures, dtype=torch.int8)
    for label in labels.unique():
        rows = labels == label
        low, high = measures[rows].quantile(torch.tensor([1 / 3, 2 / 3]), dim=0)
        out[rows] = (measures[rows] > high).to(torch.int8) - (measures[rows] < low).to(torch.int8)
    return out


def write(class_names: list[str], labels: Tensor, levels: Tensor) -> tuple[list[str], Tensor]:
    """A random caption per image and the matrix (N, N) of which caption is true of which image.

    An extreme attribute is mentioned with probability one half. Caption j is true of image i if the
    classes are equal and every attribute that j mentions has the same level in i.
    """
    mentioned = (torch.rand(levels.shape) < 0.5) & (levels != 0)
    template = torch.randint(len(TEMPLATES), (len(labels),)).tolist()
    words = list(ATTRIBUTES.values())
    texts = []
    for row, label in enumerate(labels.tolist()):
        said = [words[a][(int(levels[row, a]) + 1) // 2] for a in mentioned[row].nonzero().flatten().tolist()]
        texts.append(TEMPLATES[template[row]].format(" ".join([*said, class_names[label]])))
    agrees = (levels[:, None] == levels[None]) | ~mentioned[None]
    return texts, (labels[:, None] == labels[None]) & agrees.all(-1)
