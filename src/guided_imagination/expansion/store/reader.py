"""A complete expansion, read back."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
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
    def checksum(self) -> str:
        """Of everything that shaped the images."""
        return f"{derive_seed(json.dumps(self.manifest['fingerprint'], sort_keys=True)):016x}"

    def stream(self, seeds: Collection[str] | None = None) -> Iterator[dict[str, Any]]:
        """Every row, or those of some seeds, with its image decoded, in the order of seeds and variants."""
        for shard in self.manifest["shards"]:
            table = pq.read_table(self.folder / shard["file"])
            if seeds is not None:
                table = table.filter(pa.array([seed in seeds for seed in table["seed_id"].to_pylist()], pa.bool_()))
            yield from Dataset(table)

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
JOURNAL = "journal.jsonl"  # a line per session and finished shard
MANIFEST = "manifest.json"  # written last: without it the expansion is unfinished
REPLACEMENT = "replacement"  # folder of an expansion that will take the place of this one
SHARDS = "*.parquet"


def shard_path(folder: Path, shard: int, shards: int) -> Path:
    """Hub-style shard names, so that `load_dataset` finds them in order."""
    return folder / f"train-{shard:05d}-of-{shards:05d}.parquet"
