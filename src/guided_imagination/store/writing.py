"""Making an expansion: the shards that are missing, then the manifest."""

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from guided_imagination.clock import Clock
from guided_imagination.expansion import Plan, expand_shard
from guided_imagination.files import PARTIAL, read_json, write_json
from guided_imagination.mapping import forget
from guided_imagination.store import journal, machine
from guided_imagination.store.comparing import differences, fingerprint, refuse
from guided_imagination.store.layout import JOURNAL, MANIFEST, PLAN, shard_path
from guided_imagination.store.locking import sole_writer
from guided_imagination.store.manifest import manifest
from guided_imagination.store.reading import is_complete
from guided_imagination.store.replacing import finish_replacement, replacement
from guided_imagination.store.shards import ShardRecord, save_shard

logger = logging.getLogger(__name__)


def write(folder: Path, plan: Plan) -> dict[str, Any]:
    """Make the shards that are missing or damaged, then the manifest, and return it.

    A complete expansion of the same fingerprint is left as it is. One of another fingerprint is kept until
    its replacement is complete if `plan.overwrite`; otherwise InputError says what differs. Raises InputError
    also while another process writes there, and when the disk is full.
    """
    if is_complete(folder) and not differences(folder, plan):
        logger.info("%s is complete: nothing to do", folder)
        return read_json(folder / MANIFEST)
    with sole_writer(folder) as sign_of_life:
        finish_replacement(folder)
        found = differences(folder, plan)
        if not plan.overwrite:
            refuse(folder, found)
        if found:
            logger.info("%s is kept until its replacement is complete", folder)
        made = _complete(replacement(folder, plan) if found else folder, plan, sign_of_life)
        finish_replacement(folder)
    return made


def _complete(folder: Path, plan: Plan, sign_of_life: Callable[[], None]) -> dict[str, Any]:
    _prepare(folder, plan)
    records = _finished(folder)
    if records:
        logger.info("%s: %d of %d shards are there", folder, len(records), plan.shards)
    journal.note(folder, {"session": {"started": _now(), **machine.describe()}})
    for record in _make(folder, plan, records):
        records[record.file] = record
        sign_of_life()
    ordered = [records[_file(plan, shard)] for shard in range(plan.shards)]
    made = manifest(fingerprint(plan), ordered, journal.read(folder))
    write_json(folder / MANIFEST, made)
    _report(plan, made)
    return made


def _make(folder: Path, plan: Plan, finished: Collection[str]) -> Iterator[ShardRecord]:
    """Make, write and note each shard that is not finished; the maker is loaded for the first."""
    missing = [shard for shard in range(plan.shards) if _file(plan, shard) not in finished]
    load_maker, clock = cache(plan.load_maker), Clock()
    title = f"expanding {plan.method}"
    for shard in tqdm(missing, title, plan.shards, leave=False, initial=len(finished), unit="shard"):
        table, counts = expand_shard(plan, load_maker(), shard, clock)
        with clock("write"):
            record = save_shard(folder / _file(plan, shard), table, counts, plan, shard)
        spent = {"seconds": clock.seconds, "total_seconds": round(clock.total, 3)}
        journal.note(folder, {"shard": asdict(record), "finished": _now(), **spent})
        yield record
        forget(plan.seeds)
        clock = Clock()


def _prepare(folder: Path, plan: Plan) -> None:
    """A folder with the plan, without a manifest and without what a kill left half written."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in folder.glob(f"*{PARTIAL}"):
        path.unlink()
    if not (folder / PLAN).exists():
        (folder / JOURNAL).unlink(missing_ok=True)  # nobody knows what its shards were made of
    write_json(folder / PLAN, fingerprint(plan))


def _finished(folder: Path) -> dict[str, ShardRecord]:
    """Records by file of the shards that are as they were written."""
    records = {
        event["shard"]["file"]: ShardRecord(**event["shard"]) for event in journal.read(folder) if "shard" in event
    }
    for file, record in list(records.items()):
        if not record.agrees(folder):
            logger.warning("%s is missing or damaged: it is made again", folder / file)
            del records[file]
    return records


def _file(plan: Plan, shard: int) -> str:
    return shard_path(Path(), shard, plan.shards).name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _report(plan: Plan, made: dict[str, Any]) -> None:
    images, sessions = sum(shard["rows"] for shard in made["shards"]), len(made["sessions"])
    seconds = ", ".join(f"{name} {value:.1f} s" for name, value in made["seconds"].items())
    speed = f"{made['images_per_second']} images/s in {sessions} session{'s' * (sessions > 1)}"
    logger.info("%s: %d new images, %s | %s", plan.method, images, speed, seconds)
    logger.info("%s: %s", plan.method, ", ".join(f"{count} {name}" for name, count in made["totals"].items()))
