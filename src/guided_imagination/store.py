"""An expansion on disk: parquet shards, then a manifest; written so that a kill loses one shard at most."""

import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from datasets import Dataset
from tqdm.auto import trange

from guided_imagination.clock import Clock
from guided_imagination.errors import InputError
from guided_imagination.expansion import Plan, expand_shard
from guided_imagination.files import read_json, replacing, write_json
from guided_imagination.seeding import derive_seed

logger = logging.getLogger(__name__)
PLAN, MANIFEST = "plan.json", "manifest.json"


@dataclass(frozen=True)
class Expansion:
    """A complete expansion on disk, read shard by shard."""

    folder: Path

    @property
    def manifest(self) -> dict[str, Any]:
        return read_json(self.folder / MANIFEST)

    @property
    def checksum(self) -> str:
        """Of everything that shaped the images."""
        return f"{derive_seed(json.dumps(self.manifest['fingerprint'], sort_keys=True)):016x}"

    def stream(self) -> Iterator[dict[str, Any]]:
        """Every row with its image decoded, in the order of seeds and variants."""
        for shard in self.manifest["shards"]:
            yield from Dataset(pq.read_table(self.folder / shard["file"]))

    def of_seed(self, seed_id: str) -> Dataset:
        """The variants of one seed."""
        files = [self.folder / shard["file"] for shard in self.manifest["shards"]]
        return Dataset(pq.read_table(files, filters=[("seed_id", "=", seed_id)]))


def write(folder: Path, plan: Plan) -> dict[str, Any]:
    """Make the shards that are missing, then the manifest, and return it.

    A complete expansion of the same fingerprint is left as it is. Raises InputError if the folder
    holds an expansion of another fingerprint and `plan.overwrite` is false.
    """
    if plan.overwrite and (folder / PLAN).exists() and _differences(read_json(folder / PLAN), plan.fingerprint):
        shutil.rmtree(folder)
    if (folder / PLAN).exists():
        _refuse_other(folder, plan)
    if is_complete(folder):
        logger.info("%s is complete: nothing to do", folder)
        return Expansion(folder).manifest
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / PLAN, plan.fingerprint)
    load_maker = cache(plan.load_maker)
    clock, started = Clock(), datetime.now(UTC)
    made = 0
    for shard in trange(plan.shards, desc=f"expanding {plan.method}", unit="shard", leave=False):
        path = shard_path(folder, shard, plan.shards)
        if path.exists():
            continue
        table, counts = expand_shard(plan, load_maker(), shard, clock)
        with clock("write"):
            table = table.replace_schema_metadata(
                {**table.schema.metadata, b"counts": json.dumps(counts, sort_keys=True).encode()}
            )
            with replacing(path) as file:
                pq.write_table(table, file, compression="zstd")
        made += table.num_rows
    shards = [shard_path(folder, shard, plan.shards) for shard in range(plan.shards)]
    totals: Counter[str] = Counter()
    for path in shards:
        totals.update(json.loads(pq.read_schema(path).metadata[b"counts"]))
    manifest = {
        "fingerprint": plan.fingerprint,
        "shards": [{"file": path.name, "rows": pq.read_metadata(path).num_rows} for path in shards],
        "totals": dict(totals),
        "started": started.isoformat(timespec="seconds"),
        "images_per_second": round(made / clock.total, 2),
        "seconds": {name: round(seconds, 3) for name, seconds in clock.seconds.items()},
    }
    write_json(folder / MANIFEST, manifest)
    logger.info("%s: %d new images, %.1f images/s | %s", plan.method, made, made / clock.total, clock.table())
    logger.info("%s: %s", plan.method, ", ".join(f"{count} {name}" for name, count in totals.items()))
    return manifest


def is_complete(folder: Path) -> bool:
    """Whether the expansion was finished: the manifest is written last."""
    return (folder / MANIFEST).exists()


def shard_path(folder: Path, shard: int, shards: int) -> Path:
    """Hub-style shard names, so that `load_dataset` finds them in order."""
    return folder / f"train-{shard:05d}-of-{shards:05d}.parquet"


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    plain = json.loads(json.dumps(new))
    return [
        f"{key}: {old.get(key, 'absent')} there, {plain.get(key, 'absent')} now"
        for key in sorted({*old, *plain})
        if old.get(key) != plain.get(key)
    ]


def _refuse_other(folder: Path, plan: Plan) -> None:
    differences = _differences(read_json(folder / PLAN), plan.fingerprint)
    if differences:
        raise InputError(
            f"{folder} holds an expansion made otherwise ({'; '.join(differences)}): "
            "replace it with --params overwrite=true, or keep it and use another --params data_dir=FOLDER"
        )
