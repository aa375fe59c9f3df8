"""One shard: its file, and the record that tells whether the file is what was written."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from guided_imagination.utils.files import replacing


@dataclass(frozen=True)
class ShardRecord:
    """A finished shard.

    `checksum` is the SHA-256 of the file, `counts` of what was drawn, and `means` those of
    columns over its rows (None: there are no values).
    """

    file: str
    rows: int
    bytes: int
    checksum: str
    counts: Mapping[str, int]
    means: Mapping[str, float | None]

    def agrees(self, folder: Path) -> bool:
        """Whether the file is there, whole and unchanged."""
        return agrees(folder / self.file, self.bytes, self.checksum)


def agrees(path: Path, size: int, digest: str) -> bool:
    """Whether a file is there, with this size in bytes and SHA-256."""
    return path.exists() and path.stat().st_size == size and checksum(path) == digest


def checksum(path: Path) -> str:
    """SHA-256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_shard(path: Path, table: pa.Table, counts: Mapping[str, int], averaged: Sequence[str]) -> ShardRecord:
    """Write a shard atomically. Equal tables give equal bytes: nothing in the file tells time or place."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    content = memoryview(sink.getvalue())
    with replacing(path) as file:
        file.write(content)
    digest = hashlib.sha256(content).hexdigest()
    return ShardRecord(path.name, table.num_rows, len(content), digest, dict(counts), means(table, averaged))


def means(table: pa.Table, columns: Iterable[str]) -> dict[str, float | None]:
    """The mean of each column over a shard's rows; None without values."""
    return {str(name): pc.mean(table[name]).as_py() for name in columns}


def totals(records: list[ShardRecord]) -> dict[str, Any]:
    """Counts of all shards, by name."""
    names = dict.fromkeys(name for record in records for name in record.counts)
    return {name: sum(record.counts.get(name, 0) for record in records) for name in names}


def overall_means(records: list[ShardRecord]) -> dict[str, float | None]:
    """The mean of each averaged column over all rows of all shards; None without values."""
    overall: dict[str, float | None] = {}
    for name in dict.fromkeys(name for record in records for name in record.means):
        valued = [(mean, record.rows) for record in records if (mean := record.means[name]) is not None]
        rows = sum(count for _, count in valued)
        overall[name] = sum(mean * count for mean, count in valued) / rows if rows else None
    return overall
