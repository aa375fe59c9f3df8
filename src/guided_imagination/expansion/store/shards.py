"""One shard: its file, and the record that tells whether the file is what was written."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from guided_imagination.expansion.expand import Plan
from guided_imagination.imagination.criteria import CRITERIA
from guided_imagination.utils.files import replacing

SEEDS = b"seeds"


@dataclass(frozen=True)
class ShardRecord:
    """A finished shard.

    `checksum` is the SHA-256 of the file, `counts` of what was drawn, and `criteria` the means over
    its rows (None: there are none, or nothing guided them).
    """

    file: str
    rows: int
    bytes: int
    checksum: str
    counts: Mapping[str, int]
    criteria: Mapping[str, float | None]

    def agrees(self, folder: Path) -> bool:
        """Whether the file is there, whole and unchanged."""
        path = folder / self.file
        return path.exists() and path.stat().st_size == self.bytes and checksum(path) == self.checksum


def checksum(path: Path) -> str:
    """SHA-256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_shard(path: Path, table: pa.Table, counts: Mapping[str, int], plan: Plan, shard: int) -> ShardRecord:
    """Write a shard atomically. Equal tables give equal bytes: nothing in the file tells time or place.

    The ids and labels of its seeds go along, so that a seed without any variant can be told from a lost one.
    """
    seeds = [pair for batch in plan.shard_seeds(shard) for pair in zip(batch["id"], batch["label"], strict=True)]
    table = table.replace_schema_metadata({**table.schema.metadata, SEEDS: json.dumps(seeds).encode()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content = memoryview(sink.getvalue())
    with replacing(path) as file:
        file.write(content)
    digest = hashlib.sha256(content).hexdigest()
    return ShardRecord(path.name, table.num_rows, len(content), digest, dict(counts), criteria_means(table))


def seeds_of(schema: pa.Schema) -> dict[str, int]:
    """The label of each seed of a shard, by id. Raises ValueError if they are not in the file."""
    pairs: list[tuple[str, int]] = json.loads((schema.metadata or {}).get(SEEDS, b""))
    return dict(pairs)


def criteria_means(table: pa.Table) -> dict[str, float | None]:
    """The mean of each criterion over a shard's rows; None without values."""
    return {str(name): pc.mean(table[name]).as_py() for name in CRITERIA}


def totals(records: list[ShardRecord]) -> dict[str, Any]:
    """Counts of all shards, by name."""
    names = dict.fromkeys(name for record in records for name in record.counts)
    return {name: sum(record.counts.get(name, 0) for record in records) for name in names}


def mean_criteria(records: list[ShardRecord]) -> dict[str, float | None]:
    """The mean of each criterion over all kept variants; None without values."""
    means: dict[str, float | None] = {}
    for name in CRITERIA:
        valued = [(mean, record.rows) for record in records if (mean := record.criteria[name]) is not None]
        rows = sum(count for _, count in valued)
        means[name] = sum(mean * count for mean, count in valued) / rows if rows else None
    return means
