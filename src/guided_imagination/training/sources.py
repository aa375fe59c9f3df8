"""The images of a row, decoded once for all of its cells: seeds, what was made of them, what measures a classifier."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from datasets import Dataset
from torch import Tensor

from guided_imagination.data.arrays import Labelled, decode
from guided_imagination.data.dataset import checksum
from guided_imagination.training.grid import Cell
from guided_imagination.utils.seeding import derive_seed


@dataclass(frozen=True)
class CellImages:
    """What a cell trains on, watches while it trains, and is measured with at the end."""

    train: Labelled
    validation: Labelled | None
    measured: Labelled


class Variants(Protocol):
    """New images of the seeds, whatever keeps them: rows of image, label and variant (the number within its seed)."""

    @property
    def count(self) -> int:
        """The number of images."""

    @property
    def checksum(self) -> str:
        """Of everything that made the images, and of the images themselves."""

    @property
    def seeds_checksum(self) -> str:
        """Of the seeds that they were made of, as `data.dataset.checksum` gives it."""

    def parts(self) -> Iterator[Dataset]:
        """All of them in their order; one part is in memory."""


@dataclass(frozen=True)
class Teacher:
    """Who gives soft labels: `load` makes it, images (B, 3, H, W) uint8 -> log-probabilities (B, C).

    `key` differs between teachers that say something else.
    """

    key: str
    load: Callable[[], Callable[[Tensor], Tensor]]


@dataclass(frozen=True)
class Sources:
    """The images of a row before they are decoded to squares of `resolution` pixels; `split` names the measured."""

    seeds: Dataset
    variants: Variants | None
    validation: Dataset
    measured: Dataset
    split: str
    resolution: int

    @property
    def checksum(self) -> str:
        """Of what a cell's result depends on."""
        parts = [checksum(images) for images in (self.seeds, self.validation, self.measured)]
        return " ".join([str(self.resolution), *parts, self.variants.checksum if self.variants else ""])

    def decode(self, images: Path, method: str, teacher: Teacher | None = None) -> Callable[[Cell], CellImages]:
        """All images in arrays below `images`, ready for a cell of any ratio; rows share those that are not theirs."""
        kept = self.arrays(images, method)
        train = decode(self._parts(), self._count, kept["train"], self.resolution)
        if teacher is not None:
            train = train.taught(kept["train"], teacher.key, teacher.load())
        validation = self._whole(self.validation, kept["validation"]) if len(self.validation) else None
        measured = self._whole(self.measured, kept["measured"])
        return lambda cell: CellImages(train.first(cell.ratio), validation, measured)

    def arrays(self, images: Path, method: str) -> dict[str, Path]:
        """The folders of decoded images, which are named by their content."""

        def named(owner: str, *parts: str) -> Path:
            return images / f"{owner}-{derive_seed(self.resolution, *parts):016x}"

        new = self.variants.checksum if self.variants else ""
        shared = {name: checksum(getattr(self, name)) for name in ("validation", "measured")}
        row = {"train": named(f"row-{method}", checksum(self.seeds), new)}
        return {**row, **{name: named("split", content) for name, content in shared.items()}}

    @property
    def _count(self) -> int:
        return len(self.seeds) + (self.variants.count if self.variants else 0)

    def _parts(self) -> Iterator[Dataset]:
        yield self.seeds
        if self.variants is not None:
            yield from self.variants.parts()

    def _whole(self, images: Dataset, folder: Path) -> Labelled:
        return decode([images], len(images), folder, self.resolution).data
