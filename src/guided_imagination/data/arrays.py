"""Images decoded once: uint8 arrays on disk, mapped into memory, so that memory stays flat however many there are."""

import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from datasets import Dataset, Image
from torch import Tensor

from guided_imagination.data.dataset import to_tensors
from guided_imagination.utils.arrays import reserve
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import replacing, replacing_folder, writing_alone

CHUNK = 512  # images that a teacher sees at once
ENCODED = 64  # files in memory while they are decoded


@dataclass(frozen=True)
class Labelled:
    """Labels (N,) int64 and their images: `rows` (N,) of `images` (M, 3, H, W) uint8, None for all in order.

    `soft` (M, C) are log-probabilities of the images, if a teacher has given some; the first `real` of N are seeds,
    the others new images (0: not told).
    """

    images: Tensor
    labels: Tensor
    rows: Tensor | None = None
    soft: Tensor | None = None
    real: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Copies of the images and labels of `index` (B,)."""
        rows = index if self.rows is None else self.rows[index]
        return self.images.index_select(0, rows), self.labels[index]

    def log_probs(self, index: Tensor) -> Tensor:
        """What the teacher says of `index` (B,), (B, C) float32. Raises ValueError without one."""
        if self.soft is None:
            raise ValueError("these images have no soft labels")
        return self.soft.index_select(0, index if self.rows is None else self.rows[index]).float()


@dataclass(frozen=True)
class Decoded:
    """What one row trains on: seeds (variant -1) and the variants of each seed."""

    data: Labelled
    variants: Tensor

    def first(self, ratio: int) -> Labelled:
        """The seeds and the first `ratio` variants of each."""
        rows = (self.variants < ratio).nonzero().flatten()
        real = int((self.variants < 0).sum())
        return Labelled(self.data.images, self.data.labels[rows], rows, self.data.soft, real)

    def taught(self, folder: Path, name: str, teach: Callable[[Tensor], Tensor]) -> "Decoded":
        """With log-probabilities by `teach`, of images (B, 3, H, W) uint8 -> (B, C): kept in 16 bits in `folder`."""
        path = folder / f"{name}.npy"
        with writing_alone(folder):
            if not path.exists():
                _write_opinions(path, self.data.images, teach)
        return Decoded(replace(self.data, soft=_mapped(path)), self.variants)


def decode(parts: Iterable[Dataset], count: int, folder: Path, resolution: int) -> Decoded:
    """The `count` images of `parts` in their order, squares of `resolution` pixels, in `folder`: made unless there.

    `folder` appears when it is complete; who needs it while another process makes it waits for that. A part without
    the column `variant` is of seeds. The images are mapped read-only, so that they may be larger than the memory:
    to write to them ends the process. Raises InputError if the disk has no room for them, before any is decoded,
    and if there are not `count`.
    """
    with writing_alone(folder):
        if not folder.exists():
            with replacing_folder(folder) as new:
                _write(parts, (count, 3, resolution, resolution), new)
        images = _mapped(folder / "images.npy")
        labels, variants = (torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("labels", "variants"))
    return Decoded(Labelled(images, labels), variants)


def _mapped(path: Path) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")  # nothing is ever written
        return torch.from_numpy(np.load(path, mmap_mode="r"))


def _write_opinions(path: Path, images: Tensor, teach: Callable[[Tensor], Tensor]) -> None:
    """What `teach` says of all images, (M, C) in 16 bits, some in memory at a time."""
    with replacing(path) as file:
        for number, part in enumerate(images.split(CHUNK)):
            opinions = teach(part).half().numpy()
            if number == 0:
                reserve(file, (len(images), opinions.shape[1]), opinions.dtype)
            file.write(opinions.data)


def _write(parts: Iterable[Dataset], shape: tuple[int, int, int, int], folder: Path) -> None:
    with (folder / "images.npy").open("wb") as file:
        reserve(file, shape, "u1")
        labels, variants = _decode(parts, shape, file)
    if len(labels) != shape[0]:
        raise InputError(
            f"{folder.parent}: there are {len(labels)} images to decode instead of {shape[0]}: "
            "run --pipelines verify, which says what is damaged"
        )
    np.save(folder / "labels.npy", np.array(labels, dtype=np.int64))
    np.save(folder / "variants.npy", np.array(variants, dtype=np.int64))


def _decode(parts: Iterable[Dataset], shape: tuple[int, int, int, int], file: IO[bytes]) -> tuple[list[int], list[int]]:
    """Write all pixels; the labels and variants of the images."""
    labels: list[int] = []
    variants: list[int] = []

    def pixels(row: dict[str, Any]) -> Tensor:
        decoded, _ = to_tensors([{**row, "image": Image().decode_example(row["image"])}], shape[-1])
        return decoded[0]

    with ThreadPoolExecutor() as pool:
        for part in parts:
            raw = part.with_format(None).cast_column("image", Image(decode=False))
            for start in range(0, len(raw), ENCODED):
                rows = raw.select(range(start, min(start + ENCODED, len(raw)))).to_list()
                for image in pool.map(pixels, rows):
                    file.write(image.numpy().data)
                labels += [row["label"] for row in rows]
                variants += [row.get("variant", -1) for row in rows]
    return labels, variants
