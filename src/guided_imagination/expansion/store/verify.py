"""Whether an expansion on disk is what was written, whole and plausible."""

import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features
from PIL import Image, UnidentifiedImageError

from guided_imagination.expansion.expand import record_features
from guided_imagination.expansion.store.reader import MANIFEST, SHARDS
from guided_imagination.expansion.store.shards import (
    ShardRecord,
    checksum,
    criteria_means,
    mean_criteria,
    seeds_of,
    totals,
)
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import read_json
from guided_imagination.utils.seeding import derive_seed

REMAKE = "delete it and run its pipeline, which makes it again"


def verify(folder: Path) -> list[str]:
    """What is wrong with an expansion, one sentence each; nothing if it can be trusted.

    Every file is read to its last byte and every image decoded; one shard is in memory at a time.
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
            f"{record.file}: {fault}" for fault in _shard_faults(folder, record, manifest["fingerprint"], seen)
        ]
    return findings + [f"{MANIFEST}: {fault}" for fault in _total_faults(manifest, records)]


def _shard_faults(folder: Path, record: ShardRecord, fingerprint: Mapping[str, Any], seen: set[str]) -> Iterator[str]:
    """Faults of a shard; `seen` are the seeds of those before, to which its own are added."""
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
        seeds = seeds_of(table.schema)
        names = Features.from_arrow_schema(table.schema)["label"].names
    except (pa.ArrowException, OSError, ValueError, KeyError, AttributeError) as error:
        yield f"is no shard of an expansion ({error}): {REMAKE}"
        return
    if table.schema.remove_metadata() != record_features(names).arrow_schema.remove_metadata():
        yield f"has other columns than {', '.join(record_features(names))}: {REMAKE}"
        return
    if table.num_rows != record.rows:
        yield f"has {table.num_rows} rows instead of {record.rows}: {REMAKE}"
    if not _close(criteria_means(table), record.criteria):
        yield f"has other criteria means than the manifest: {REMAKE}"
    if again := sorted(seen & seeds.keys()):
        yield f"{len(again)} seeds are in an earlier shard too, first {again[0]!r}"
    seen.update(seeds)
    yield from faults(table.to_pylist(), len(names), seeds, fingerprint, record.counts.get("dropped", 0))


def _total_faults(manifest: Mapping[str, Any], records: list[ShardRecord]) -> Iterator[str]:
    rows = sum(record.rows for record in records)
    if totals(records) != manifest["totals"]:
        yield f"its totals {manifest['totals']} are not those of its shards, {totals(records)}"
    if manifest["totals"].get("kept", rows) != rows:
        yield f"its total of {manifest['totals']['kept']} kept images is not the {rows} rows of its shards"
    if not _close(mean_criteria(records), manifest["criteria"]):
        yield "its means of the criteria are not those of its shards"


def _close(left: Mapping[str, float | None], right: Mapping[str, float | None]) -> bool:
    if left.keys() != right.keys():
        return False
    pairs = [(left[name], right[name]) for name in left]
    return all(a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-6)) for a, b in pairs)


Row = Mapping[str, Any]
SLACK = 1e-4  # of float32 and of networks in 16 bits


def faults(
    rows: list[dict[str, Any]], classes: int, seeds: Mapping[str, int], fingerprint: Mapping[str, Any], dropped: int
) -> Iterator[str]:
    """One sentence per kind of fault: how many images have it and which is the first.

    rows: of one shard; seeds: label by id of all seeds of the shard; dropped: how many variants were.
    """
    for problem, holds in _rules(classes, seeds, fingerprint).items():
        bad = [row for row in rows if not holds(row)]
        if bad:
            yield f"{len(bad)} of {len(rows)} images {problem}, first variant {_name(bad[0])}"
    pairs = Counter((row["seed_id"], row["variant"]) for row in rows)
    twice = [pair for pair, count in pairs.items() if count > 1]
    if twice:
        yield f"{len(twice)} images are there more than once, first variant {twice[0][1]} of seed {twice[0][0]!r}"
    missing = [
        pair for seed in seeds for variant in range(fingerprint["ratio"]) if (pair := (seed, variant)) not in pairs
    ]
    if len(missing) != dropped:
        first = f", first variant {missing[0][1]} of seed {missing[0][0]!r}" if missing else ""
        yield f"{len(missing)} images are missing, but {dropped} were dropped{first}"


def _rules(classes: int, seeds: Mapping[str, int], fingerprint: Mapping[str, Any]) -> dict[str, Callable[[Row], bool]]:
    """What has to hold of each row, by the words for a row of which it does not."""
    side, ratio, method = (fingerprint[name] for name in ("resolution", "ratio", "method"))
    gain = math.log(classes)
    ranges = {"consistency": (0, 1), "entropy": (-gain, gain), "diversity": (0, math.inf)}

    def plausible(row: Row) -> bool:
        given = [row[name] is not None for name in ranges]
        within = (low - SLACK <= row[name] <= high + SLACK for name, (low, high) in ranges.items())
        return all(within) if all(given) else not any(given)  # a classical augmentation has none

    def random_seed(row: Row) -> int:
        return derive_seed(fingerprint["seed"], row["seed_id"], row["variant"], row["attempt"])

    return {
        f"cannot be decoded to {side}x{side} pixels": lambda row: _size(row) == (side, side),
        "are of a seed that does not belong here": lambda row: row["seed_id"] in seeds,
        f"have a label outside [0, {classes})": lambda row: 0 <= row["label"] < classes,
        "have another label than their seed": lambda row: row["label"] == seeds.get(row["seed_id"], row["label"]),
        f"have a prediction outside [0, {classes})": lambda row: 0 <= (row["prediction"] or 0) < classes,
        f"have a variant outside [0, {ratio})": lambda row: 0 <= row["variant"] < ratio,
        f"are of another method than {method!r}": lambda row: row["method"] == method,
        f"have criteria out of range (consistency in [0, 1], entropy within ±{gain:.2f}, diversity >= 0)": plausible,
        "have a random seed that their name and attempt do not give": lambda row: (
            row["random_seed"] == random_seed(row)
        ),
    }


def _size(row: Row) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
            image.load()
            return image.size
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, TypeError):
        return None


def _name(row: Row) -> str:
    return f"{row['variant']} of seed {row['seed_id']!r}"
