"""One row of the tables: its images, its cells, its results."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from datasets import Dataset

from guided_imagination.config import Architecture, Recipe
from guided_imagination.data import class_names, fingerprint
from guided_imagination.device import Placement
from guided_imagination.grid import Cell
from guided_imagination.pixels import Labelled, decode
from guided_imagination.seeding import derive_seed
from guided_imagination.store import Expansion
from guided_imagination.training import Job, Splits, Track, train_cells


@dataclass(frozen=True)
class Sources:
    """The images of a row before they are decoded to squares of `resolution` pixels."""

    seeds: Dataset
    expanded: Expansion | None
    validation: Dataset
    measured: Dataset
    resolution: int

    @property
    def checksum(self) -> str:
        """Of what a cell's result depends on."""
        parts = [str(self.resolution), fingerprint(self.seeds), fingerprint(self.measured)]
        return " ".join([*parts, self.expanded.checksum if self.expanded else ""])

    def decode(self, folder: Path) -> Callable[[Cell], Splits]:
        """All images in arrays in `folder`, ready for a cell of any ratio."""
        train = decode(_parts(self.seeds, self.expanded), self._count, folder / "train", self.resolution)
        validation = self._whole(self.validation, folder / "validation") if len(self.validation) else None
        measured = self._whole(self.measured, folder / "measured")
        return lambda cell: Splits(train.first(cell.ratio), validation, measured)

    @property
    def _count(self) -> int:
        shards = self.expanded.manifest["shards"] if self.expanded else []
        return len(self.seeds) + sum(shard["rows"] for shard in shards)

    def _whole(self, images: Dataset, folder: Path) -> Labelled:
        return decode([images], len(images), folder, self.resolution).data


def _parts(seeds: Dataset, expanded: Expansion | None) -> Iterator[Dataset]:
    """The seeds, then the shards of the expansion; only one of those is in memory."""
    yield seeds
    if expanded is not None:
        for shard in expanded.manifest["shards"]:
            yield Dataset(pq.read_table(expanded.folder / shard["file"]))


def train_row(
    cells: Sequence[Cell],
    sources: Sources,
    architectures: Mapping[str, Architecture],
    recipes: Mapping[tuple[str, str], Recipe],
    *,
    log_points: int,
    models: Path,
    placement: Placement,
    track: Track,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Train the cells of one dataset and method that are not finished: a table of RESULT_COLUMNS, and what failed.

    The decoded images lie beside the cells until all of them are finished; a finished row decodes none.
    """
    inputs, classes = sources.checksum, len(class_names(sources.seeds))

    def job(cell: Cell) -> Job:
        recipe = recipes[cell.architecture, cell.recipe]
        return Job(cell, architectures[cell.architecture], recipe, inputs, classes, log_points)

    row = models / cells[0].dataset / cells[0].method
    folder = row / f"images-{derive_seed(inputs, fingerprint(sources.validation)):016x}"
    for other in set(row.glob("images-*")) - {folder}:
        shutil.rmtree(other)
    load = cache(lambda: sources.decode(folder))
    table, failures = train_cells([job(cell) for cell in cells], lambda cell: load()(cell), models, placement, track)
    if not failures:
        shutil.rmtree(folder, ignore_errors=True)
    return table, failures
