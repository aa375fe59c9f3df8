"""Whether an expansion on disk is what was written, whole and plausible."""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from guided_imagination.expansion.store.reader import MANIFEST, SHARDS
from guided_imagination.expansion.store.shards import ShardRecord, agrees, checksum, means, overall_means, totals
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import read_json

REMAKE = "delete it and run its pipeline, which makes it again"
# Of a shard's table, the fingerprint, how many variants were dropped, and the seeds of the shards before, to which its
# own are added: what does not hold. Raises ValueError for a table that is no shard.
Faults = Callable[[pa.Table, Mapping[str, Any], int, set[str]], Iterator[str]]


def verify(folder: Path, faults: Faults) -> list[str]:
    """What is wrong with an expansion, one sentence each; nothing if it can be trusted.

    `faults` looks at what the shards hold. Every file is read to its last byte and every image decoded; one shard is
    in memory at a time.
    """
    if not (folder / MANIFEST).exists():
        return [f"{folder} is unfinished, it has no {MANIFEST}: run its pipeline, which makes what is missing"]
    try:
        manifest = read_json(folder / MANIFEST)
        records = [ShardRecord(**shard) for shard in manifest["shards"]]
    except (InputError, KeyError, TypeError) as error:
        return [f"{MANIFEST} cannot be read ({error}): {REMAKE}"]
    findings = [
        f"{path.name} is no part of the expansion, but would be loaded with it: delete it"
        for path in sorted(folder.glob(SHARDS))
        if path.name not in {record.file for record in records}
    ]
    seen: set[str] = set()
    for record in records:
        findings += [
            f"{record.file}: {fault}" for fault in _shard_faults(folder, record, manifest["fingerprint"], seen, faults)
        ]
    findings += [
        f"{kept['file']} is missing or was changed, its checksum is not the manifest's: delete the folder and run its "
        "pipeline, which makes all of it again"
        for kept in manifest.get("files", [])
        if not agrees(folder / kept["file"], kept["bytes"], kept["checksum"])
    ]
    return findings + [f"{MANIFEST}: {fault}" for fault in _total_faults(manifest, records)]


def _shard_faults(
    folder: Path, record: ShardRecord, fingerprint: Mapping[str, Any], seen: set[str], faults: Faults
) -> Iterator[str]:
    path = folder / record.file
    if not path.exists():
        yield "is missing: run its pipeline, which makes it again"
        return
    size = path.stat().st_size
    if size != record.bytes:
        yield f"has {size} bytes instead of {record.bytes}: run its pipeline, which makes it again"
        return
    if checksum(path) != record.checksum:
        yield f"was changed or damaged, its checksum is not the manifest's: {REMAKE}"
        return
    try:
        table = pq.read_table(path)
        if table.num_rows != record.rows:
            yield f"has {table.num_rows} rows instead of {record.rows}: {REMAKE}"
        yield from faults(table, fingerprint, record.counts.get("dropped", 0), seen)
        if not _close(means(table, record.means), record.means):
            yield f"has other means of columns than the manifest: {REMAKE}"
    except (pa.ArrowException, OSError, ValueError, KeyError, AttributeError) as error:
        yield f"is no shard of an expansion ({error}): {REMAKE}"


def _total_faults(manifest: Mapping[str, Any], records: list[ShardRecord]) -> Iterator[str]:
    rows = sum(record.rows for record in records)
    if totals(records) != manifest["totals"]:
        yield f"its totals {manifest['totals']} are not those of its shards, {totals(records)}"
    if manifest["totals"].get("kept", rows) != rows:
        yield f"its total of {manifest['totals']['kept']} kept images is not the {rows} rows of its shards"
    if not _close(overall_means(records), manifest["means"]):
        yield "its means of columns are not those of its shards"


def _close(left: Mapping[str, float | None], right: Mapping[str, float | None]) -> bool:
    if left.keys() != right.keys():
        return False
    pairs = [(left[name], right[name]) for name in left]
    return all(a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-6)) for a, b in pairs)
