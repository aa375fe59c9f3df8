"""Fashion-MNIST as Debian's package `dataset-fashion-mnist` installs it, and its fixed split."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from pydantic import BaseModel
from torch import Tensor
from torch.nn.functional import pad

from guided_imagination.data.dataset import features
from guided_imagination.data.images import encode
from guided_imagination.utils.errors import InputError

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Labelled:
    """Grey `images` (N, 32, 32) uint8 (28x28 with a black border of 2) and `labels` (N,) int64."""

    images: Tensor
    labels: Tensor

    def take(self, indices: Tensor) -> "Labelled":
        return Labelled(self.images[indices], self.labels[indices])

    def rgb(self, indices: Tensor) -> Tensor:
        """Float images (B, 3, 32, 32) in [0, 1]."""
        return self.images[indices].float().div(255)[:, None].expand(-1, 3, -1, -1)


def read(part: str, folder: Path = DEBIAN_FOLDER) -> Labelled:
    """The official `part`, "train" (60,000) or "t10k" (10,000).

    Raises InputError if the package is not installed.
    """
    try:
        images, labels = (
            np.frombuffer(gzip.decompress((folder / f"{part}-{kind}-ubyte.gz").read_bytes()), np.uint8, offset=offset)
            for kind, offset in (("images-idx3", 16), ("labels-idx1", 8))
        )
    except FileNotFoundError as error:
        raise InputError(
            f"Fashion-MNIST is not in {folder} ({error.filename} is missing): apt-get install dataset-fashion-mnist"
        ) from error
    pixels = torch.from_numpy(images.reshape(-1, 28, 28).copy())
    return Labelled(pad(pixels, (2, 2, 2, 2)), torch.from_numpy(labels.astype(np.int64)))


class Split(BaseModel):
    """Row numbers, sorted: `pool` and `heldout` of the official train part, `test` of the official test part.

    Nothing is ever trained on them: seeds and validation images are drawn from the pool, choices of
    pre-training are made on heldout, test is for final numbers.
    """

    pool: list[int]
    heldout: list[int]
    test: list[int]


def training_images(split: Split) -> Labelled:
    """What pre-training may see: the official train part without pool and heldout."""
    train = read("train")
    return train.take(without(train.labels, torch.tensor([*split.pool, *split.heldout])))


def test_images(split: Split) -> Labelled:
    """The balanced test images, for final numbers only."""
    return read("t10k").take(torch.tensor(split.test))


def without(labels: Tensor, rows: Tensor) -> Tensor:
    """All row numbers but `rows`."""
    keep = torch.ones(len(labels), dtype=torch.bool)
    keep[rows] = False
    return keep.nonzero().flatten()


def to_dataset(data: Labelled, rows: list[int], part: str, class_names: list[str]) -> Dataset:
    """The rows as a dataset of this project; ids name the official part and row."""
    chosen = data.take(torch.tensor(rows))
    images = [{"bytes": encode(image.expand(3, -1, -1)), "path": None} for image in chosen.images]
    columns = {"id": [f"{part}-{row:05d}" for row in rows], "image": images, "label": chosen.labels.tolist()}
    return Dataset.from_dict(columns, features=features(class_names))


def draw_per_class(labels: Tensor, per_class: int, seed: int) -> Tensor:
    """Sorted indices of a seeded draw of `per_class` samples of every class."""
    rng = torch.Generator().manual_seed(seed)
    drawn = []
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        drawn.append(members[torch.randperm(len(members), generator=rng)[:per_class]])
    return torch.cat(drawn).sort().values
