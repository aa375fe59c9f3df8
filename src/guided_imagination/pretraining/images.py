"""The images of a domain as tensors, read by the same sources as the datasets of `ingest`."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from datasets import Dataset
from PIL import Image, ImageOps
from torch import Tensor

from guided_imagination.config.pretraining import Domain
from guided_imagination.data import ingestion
from guided_imagination.data.dataset import class_names, features
from guided_imagination.data.images import encode, rgb, square
from guided_imagination.data.sources import open_source
from guided_imagination.data.sources.classes import words
from guided_imagination.utils.errors import InputError


@dataclass(frozen=True)
class Labelled:
    """`images` (N, 3, H, W) uint8, `labels` (N,) int64, and the ids that the source gives them."""

    images: Tensor
    labels: Tensor
    ids: list[str]

    def rgb(self, indices: Tensor) -> Tensor:
        """Float images (B, 3, H, W) in [0, 1]."""
        return self.images[indices].float().div(255)

    @cached_property
    def checksum(self) -> str:
        """Differs where an image, its label or its place does: what a model learns of them."""
        digest = hashlib.blake2b(repr(self.images.shape).encode(), digest_size=8)
        for tensor in (self.images, self.labels):
            digest.update(tensor.numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True)
class DomainImages:
    """All images of a domain, not yet decoded, and the ids of each part of its source, in their order.

    `class_names` are words: captions tell them, and the images that ship have them as names.
    """

    rows: Dataset
    class_names: list[str]
    parts: dict[str, list[str]]
    border: int
    resolution: int

    @cached_property  # as many as there are images
    def labels(self) -> dict[str, int]:
        return dict(zip(self.rows["id"][:], self.rows["label"][:], strict=True))

    def read(self, ids: Collection[str]) -> Labelled:
        """The images of these ids, in the order of the source. Raises InputError for an id that it has not."""
        known = self.rows["id"][:]
        wanted = set(ids)
        if absent := sorted(wanted - set(known)):
            raise InputError(f"the split names {len(absent)} images that are not in the source, e.g. {absent[0]!r}")
        rows = [row for row, name in enumerate(known) if name in wanted]
        pixels = torch.empty(len(rows), 3, self.resolution, self.resolution, dtype=torch.uint8)
        for place, row in enumerate(self.rows.select(rows)["image"]):
            pixels[place] = self._pixels(row)
        return Labelled(pixels, torch.tensor(self.rows.select(rows)["label"][:]), [known[row] for row in rows])

    def _pixels(self, image: Image.Image) -> Tensor:
        framed = ImageOps.expand(rgb(image), self.border)
        return torch.from_numpy(np.array(square(framed, self.resolution))).permute(2, 0, 1)


def open_domain(domain: Domain) -> DomainImages:
    """The source of a domain. Raises InputError where it is not as the settings say."""
    opened = open_source(domain.images.source)
    rows, _ = ingestion.read_whole(domain.images, opened)
    readable = set(rows["id"][:])
    parts = {part: [name for name in opened.parts[part]().ids if name in readable] for part in domain.images.seeds}
    told = words(class_names(rows), domain.images.names)
    return DomainImages(rows, told, parts, domain.border, domain.images.resolution)


def turned(data: Labelled) -> Labelled:
    """Every image in the eight ways in which a square can be turned and mirrored, the images as they are first."""
    quarters = [torch.rot90(data.images, times, (2, 3)) for times in range(4)]
    images = torch.cat([*quarters, *(each.flip(3) for each in quarters)])
    return Labelled(images, data.labels.repeat(8), data.ids * 8)


def to_dataset(data: Labelled, class_names: list[str]) -> Dataset:
    """The images as a dataset of this project; their ids name files, so they have no slashes."""
    images = [{"bytes": encode(image), "path": None} for image in data.images]
    ids = [name.replace("/", "-") for name in data.ids]
    return Dataset.from_dict(
        {"id": ids, "image": images, "label": data.labels.tolist()}, features=features(class_names)
    )
