"""A complete expansion, read back."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from datasets import Dataset

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import read_json
from guided_imagination.utils.seeding import derive_seed


@dataclass(frozen=True)
class Expansion:
    """An expansion on disk, read shard by shard. Reading raises InputError if it is not complete."""

    folder: Path

    @property
    def manifest(self) -> dict[str, Any]:
        if not is_complete(self.folder):
            raise InputError(
                f"there is no complete expansion in {self.folder}: run its pipeline first, "
                "which makes only what is missing"
            )
        return read_json(self.folder / MANIFEST)

    @property
    def count(self) -> int:
        """The number of images."""
        return sum(shard["rows"] for shard in self.manifest["shards"])

    @property
    def checksum(self) -> str:
        """Of everything that shaped the images, and of the shards: images that were made again are others."""
        manifest = self.manifest
        shards = [shard["checksum"] for shard in manifest["shards"]]
        return f"{derive_seed(json.dumps(manifest['fingerprint'], sort_keys=True), *shards):016x}"

    @property
    def seeds_checksum(self) -> str:
        """Of the seeds that it was made of, as `data.dataset.checksum` gives it."""
        return self.manifest["fingerprint"]["seeds"]

    def check_made_of(self, seeds: Dataset) -> None:
        """Raises InputError if the expansion was made of other seeds."""
        from guided_imagination.data.dataset import checksum  # imports torch, which others who read need not wait for

        if self.seeds_checksum != checksum(seeds):
            raise InputError(
                f"{self.folder} was made of other seeds than those on disk: run its pipeline with "
                "--params overwrite=true, or use another --params data_dir=FOLDER"
            )

    def parts(self) -> Iterator[Dataset]:
        """The shards in their order; one of them is in memory."""
        for shard in self.manifest["shards"]:
            yield Dataset(pq.read_table(self.folder / shard["file"]))

    def stream(self, seeds: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """Every row, or those of some seeds, with its image decoded, in the order of seeds and variants."""
        for part in self.parts():
            if seeds is not None:
                part = part.select([row for row, seed in enumerate(part["seed_id"]) if seed in seeds])
            yield from part

    def of_seed(self, seed_id: str) -> Dataset:
        """The variants of one seed."""
        files = [self.folder / shard["file"] for shard in self.manifest["shards"]]
        return Dataset(pq.read_table(files, filters=[("seed_id", "=", seed_id)]))


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
JOURNAL = "journal{}.jsonl"  # a line per session and finished shard; one for each share of the shards
MANIFEST = "manifest.json"  # written last: without it the expansion is unfinished
REPLACEMENT = "replacement"  # folder of an expansion that will take the place of this one
SHARDS = "*.parquet"


def shard_path(folder: Path, shard: int, shards: int) -> Path:
    """Hub-style shard names, so that `load_dataset` finds them in order."""
    return folder / f"train-{shard:05d}-of-{shards:05d}.parquet"
