"""A complete expansion, read back."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from guided_imagination.utils.errors import InputError, Remedy
from guided_imagination.utils.files import read_json
from guided_imagination.utils.seeding import derive_seed

Image = tuple[str, int]  # a new image by the id of its seed and the number of the variant


@dataclass(frozen=True)
class Expansion:
    """An expansion on disk, read shard by shard. Reading raises InputError if it is not complete.

    `weeded` images are there, as the manifest says, but nobody who reads gets them.
    """

    folder: Path
    weeded: frozenset[Image] = frozenset()

    @property
    def manifest(self) -> dict[str, Any]:
        if not is_complete(self.folder):
            raise InputError(f"there is no complete expansion in {self.folder}", Remedy.MAKE_FIRST)
        return read_json(self.folder / MANIFEST)

    @property
    def count(self) -> int:
        """The number of images."""
        return sum(shard["rows"] for shard in self.manifest["shards"]) - len(self.weeded)

    @property
    def checksum(self) -> str:
        """Of everything that shaped the images, of the shards, and of what was weeded.

        Images that were made again are others.
        """
        manifest = self.manifest
        shards = [shard["checksum"] for shard in manifest["shards"]]
        weeded = [json.dumps(sorted(self.weeded))] if self.weeded else []
        return f"{derive_seed(json.dumps(manifest['fingerprint'], sort_keys=True), *shards, *weeded):016x}"

    @property
    def seeds_checksum(self) -> str:
        """Of the seeds that it was made of, as `data.dataset.checksum` gives it."""
        fingerprint = self.manifest["fingerprint"]
        return fingerprint.get("inputs", fingerprint)["seeds"]  # until 0.5 it had no parts

    def check_made_of(self, seeds: Dataset) -> None:
        """Raises InputError if the expansion was made of other seeds."""
        from guided_imagination.data.dataset import checksum  # imports torch, which others who read need not wait for

        if self.seeds_checksum != checksum(seeds):
            raise InputError(f"{self.folder} was made from other seed images", Remedy.MADE_OF)

    @property
    def files(self) -> list[Path]:
        """The shards in their order."""
        return [self.folder / shard["file"] for shard in self.manifest["shards"]]

    def without(self, weeded: Collection[Image]) -> "Expansion":
        """The same without some images. Raises InputError for one that is not there."""
        there = {image for table in self.tables(NAMED) for image in images_of(table)}
        if unknown := sorted(set(weeded) - there):
            seed, variant = unknown[0]
            raise InputError(f"{self.folder} has no variant {variant} of seed {seed!r}")
        return replace(self, weeded=self.weeded | frozenset(weeded))

    def tables(self, columns: Collection[str] | None = None) -> Iterator[pa.Table]:
        """What is not weeded of each shard in its order: all columns, or those asked for and NAMED."""
        wanted = None if columns is None else list(dict.fromkeys([*columns, *NAMED]))
        for file in self.files:
            yield self.weed(pq.read_table(file, columns=wanted))

    def weed(self, table: pa.Table) -> pa.Table:
        """The rows of a shard, or of some of it, that are not weeded."""
        if not self.weeded:
            return table
        return table.filter(pa.array([image not in self.weeded for image in images_of(table)], pa.bool_()))

    def parts(self) -> Iterator[Dataset]:
        """The shards in their order; one of them is in memory."""
        return map(Dataset, self.tables())

    def stream(self, seeds: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """Every row, or those of some seeds, with its image decoded, in the order of seeds and variants."""
        for part in self.parts():
            if seeds is not None:
                part = part.select([row for row, seed in enumerate(part["seed_id"]) if seed in seeds])
            yield from part

    def of_seed(self, seed_id: str) -> Dataset:
        """The variants of one seed."""
        return Dataset(self.weed(pq.read_table(self.files, filters=[("seed_id", "=", seed_id)])))


def images_of(table: pa.Table) -> Iterator[Image]:
    """Which image each row is."""
    return zip(*(table[name].to_pylist() for name in NAMED), strict=True)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest in a folder, whether its shards are there or not, as in what was exported. Raises InputError."""
    if not (folder / MANIFEST).is_file():
        raise InputError(f"{folder} has no {MANIFEST}: name the folder of a complete expansion, or of an export")
    return read_json(folder / MANIFEST)


def is_complete(folder: Path) -> bool:
    """Whether the expansion was finished and every shard is still there at full length.

    Takes milliseconds because no content is read; `verify` reads it.
    """
    try:
        shards = read_json(folder / MANIFEST)["shards"]
        return all((folder / shard["file"]).stat().st_size == shard.get("bytes") for shard in shards)
    except (FileNotFoundError, InputError, KeyError):
        return False


PLAN = "plan.json"  # the fingerprint, written first
JOURNAL = "journal.jsonl"  # a line per session and finished shard
JOURNALS = "journal*.jsonl"  # until 0.5 several runs could make an expansion together, each with a journal of its own
MANIFEST = "manifest.json"  # written last: without it the expansion is unfinished
REPLACEMENT = "replacement"  # folder of an expansion that will take the place of this one
SHARDS = "*.parquet"
NAMED = ["seed_id", "variant"]  # the columns that tell images apart


def shard_path(folder: Path, shard: int, shards: int) -> Path:
    """Hub-style shard names, so that `load_dataset` finds them in order."""
    return folder / f"train-{shard:05d}-of-{shards:05d}.parquet"
