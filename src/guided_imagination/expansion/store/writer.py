"""Making an expansion: the shards that are missing, then the manifest."""

import json
import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from guided_imagination import __version__
from guided_imagination.data.dataset import forget
from guided_imagination.expansion.expand import Plan, expand_shard
from guided_imagination.expansion.store import manifest as journal
from guided_imagination.expansion.store import manifest as machine
from guided_imagination.expansion.store.lock import sole_writer
from guided_imagination.expansion.store.manifest import manifest
from guided_imagination.expansion.store.reader import (
    JOURNAL,
    MANIFEST,
    PLAN,
    REPLACEMENT,
    SHARDS,
    is_complete,
    shard_path,
)
from guided_imagination.expansion.store.shards import ShardRecord, save_shard
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import PARTIAL, read_json, sync_folder, write_json

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


def replacement(folder: Path, plan: Plan) -> Path:
    """Where to make `plan` until it is complete; an unfinished replacement by another plan is dropped."""
    place = folder / REPLACEMENT
    if differences(place, plan):
        shutil.rmtree(place)
    return place


def finish_replacement(folder: Path) -> None:
    """Put a complete replacement, if there is one, in its place. May be killed anywhere and done again."""
    new = folder / REPLACEMENT
    if not (new / MANIFEST).exists():
        return
    shards = [shard["file"] for shard in read_json(new / MANIFEST)["shards"]]
    (folder / MANIFEST).unlink(missing_ok=True)  # from here on, what is there is neither the old nor the new
    for path in folder.glob(SHARDS):
        if path.name not in shards:
            path.unlink()
    for name in (*shards, PLAN, JOURNAL):
        if (new / name).exists():
            (new / name).replace(folder / name)
    sync_folder(folder)
    (new / MANIFEST).replace(folder / MANIFEST)
    sync_folder(folder)
    shutil.rmtree(new)


def fingerprint(plan: Plan) -> dict[str, Any]:
    """Everything that, if it changed, would change the images; as JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps({"code": __version__, **plan.fingerprint}))
    return plain


def differences(folder: Path, plan: Plan) -> list[str]:
    """What differs between the expansion in `folder`, finished or not, and `plan`; nothing where there is none."""
    found = next((path for path in (folder / PLAN, folder / MANIFEST) if path.exists()), None)
    if found is None:
        return []
    there = read_json(found)
    old = dict(_flat(there["fingerprint"] if found.name == MANIFEST else there))
    new = dict(_flat(fingerprint(plan)))
    return [
        f"{key}: {old.get(key, 'absent')} there, {new.get(key, 'absent')} now"
        for key in sorted({*old, *new})
        if old.get(key, "absent") != new.get(key, "absent")
    ]


def refuse(folder: Path, found: list[str]) -> None:
    """Raise InputError with what differs and the ways on, if anything does."""
    if found:
        raise InputError(
            f"{folder} holds an expansion made otherwise ({'; '.join(found)}): "
            "replace it with --params overwrite=true, or keep it and use another --params data_dir=FOLDER"
        )


def _flat(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """The leaves of nested dictionaries and lists by dotted name, as `--params` names them."""
    if isinstance(value, Mapping) and value:
        items = [(str(key), child) for key, child in value.items()]
    elif isinstance(value, list) and value:
        items = [(str(index), child) for index, child in enumerate(value)]
    else:
        yield place, value
        return
    for name, child in items:
        yield from _flat(child, f"{place}.{name}" if place else name)
