"""Making an expansion: the shards that are missing, then the manifest."""

import json
import logging
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from guided_imagination.expansion.store.lock import sole_writer
from guided_imagination.expansion.store.manifest import describe_machine, events, kept_files, latest, manifest, note
from guided_imagination.expansion.store.reader import (
    JOURNAL,
    JOURNALS,
    MANIFEST,
    PLAN,
    REPLACEMENT,
    SHARDS,
    is_complete,
    shard_path,
)
from guided_imagination.expansion.store.shards import ShardRecord, save_shard
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.errors import InputError, Remedy
from guided_imagination.utils.files import PARTIAL, read_json, sync_folder, write_json

NAMED = 5  # differences in a message

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """The table of a shard, counts of what was drawn for it, the clock that ran since it was begun, and where."""

    shard: int
    table: pa.Table
    counts: Mapping[str, int]
    clock: Clock
    machine: str = field(default_factory=platform.node)


Tables = Callable[[Path, Sequence[int]], Iterator[Made]]  # in this folder, of the shards that are missing, in any order


def write(
    folder: Path,
    fingerprint: Mapping[str, Any],
    shards: int,
    tables: Tables,
    *,
    overwrite: bool,
    averaged: Sequence[str] = (),
) -> tuple[dict[str, Any], bool]:
    """Write the shards that are missing or damaged, then the manifest; returns it, and whether anything was made.

    `averaged` are columns whose means stand in the manifest. A complete expansion of the same fingerprint is left
    as it is. One of another fingerprint is kept until its replacement is complete if `overwrite`; otherwise
    InputError says what differs. Raises InputError also while another process writes there, and when the disk is full.
    """
    if is_complete(folder) and not differences(folder, fingerprint):
        logger.info("%s is complete: nothing to do", folder)
        return read_json(folder / MANIFEST), False
    with sole_writer(folder):
        finish_replacement(folder)
        if not any(folder.glob(SHARDS)) and differences(folder, fingerprint):
            (folder / PLAN).unlink(missing_ok=True)  # one that ended before its first shard: nothing can be lost
        found = differences(folder, fingerprint)
        if not overwrite:
            refuse(folder, found)
        if found:
            logger.info("%s is kept until its replacement is complete", folder)
        place = replacement(folder, fingerprint) if found else folder
        finished = _prepare(place, fingerprint, shards)
        for made in tables(place, [n for n in range(shards) if _file(n, shards) not in finished]):
            record = _save(place / _file(made.shard, shards), made, averaged)
            finished[record.file] = record
        ordered = [finished[_file(shard, shards)] for shard in range(shards)]
        whole = manifest(fingerprint, ordered, events(place))
        write_json(place / MANIFEST, whole)
        finish_replacement(folder)
    return whole, True


def _prepare(folder: Path, fingerprint: Mapping[str, Any], shards: int) -> dict[str, ShardRecord]:
    """A folder with the plan, without a manifest and without what a kill left half written; its finished shards."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in folder.glob(f"*{PARTIAL}"):
        path.unlink()
    if not (folder / PLAN).exists():
        for journal in folder.glob(JOURNALS):
            journal.unlink()  # nobody knows what its shards were made of
    write_json(folder / PLAN, fingerprint)
    finished = _finished(folder)
    if finished:
        logger.info("%s: %d of %d shards are finished", folder, len(finished), shards)
    machine = describe_machine()
    if finished and (others := _other_versions(folder, machine)):
        logger.warning("%s: the finished shards were made with other versions (%s)", folder, "; ".join(others))
    note(folder, {"session": {"started": _now(), **machine}})
    return finished


def _other_versions(folder: Path, machine: Mapping[str, Any]) -> list[str]:
    """How the packages of the last session differ from those here, of those that both name."""
    sessions = [event["session"] for event in events(folder) if "session" in event]
    there, here = sessions[-1].get("versions", {}) if sessions else {}, machine["versions"]
    both = there.keys() & here.keys()
    return compared({name: there[name] for name in both}, {name: here[name] for name in both})


def _finished(folder: Path) -> dict[str, ShardRecord]:
    """Records by file of the shards that are as they were written."""
    found = {}
    for event in latest(events(folder), "shard", "file"):
        record = ShardRecord(**event["shard"])
        if record.agrees(folder):
            found[record.file] = record
        else:
            logger.warning("%s is missing or damaged: rebuilding it", folder / record.file)
    return found


def _save(path: Path, made: Made, averaged: Sequence[str]) -> ShardRecord:
    """Write a shard, then note it in the journal."""
    with made.clock("write"):
        record = save_shard(path, made.table, made.counts, averaged)
    spent = {"seconds": made.clock.seconds, "total_seconds": round(made.clock.total, 3)}
    note(path.parent, {"shard": asdict(record), "finished": _now(), "machine": made.machine, **spent})
    return record


def _file(shard: int, shards: int) -> str:
    return shard_path(Path(), shard, shards).name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def replacement(folder: Path, fingerprint: Mapping[str, Any]) -> Path:
    """Where to make an expansion until it is complete; an unfinished one of another fingerprint is dropped."""
    place = folder / REPLACEMENT
    if differences(place, fingerprint):
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
    for name in (*shards, *kept_files(new), PLAN, JOURNAL):
        if (new / name).exists():
            (new / name).replace(folder / name)
    for journal in set(folder.glob(JOURNALS)) - {folder / JOURNAL}:
        journal.unlink()  # of the old one
    sync_folder(folder)
    (new / MANIFEST).replace(folder / MANIFEST)
    sync_folder(folder)
    shutil.rmtree(new)


def differences(folder: Path, fingerprint: Mapping[str, Any]) -> list[str]:
    """How the expansion in `folder`, finished or not, differs from `fingerprint`; nothing where there is none."""
    found = next((path for path in (folder / PLAN, folder / MANIFEST) if path.exists()), None)
    if found is None:
        return []
    there = read_json(found)
    return compared(there["fingerprint"] if found.name == MANIFEST else there, fingerprint)


def compared(there: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """How two records differ, by the dotted name of each key."""
    old, new = dict(_flat(there)), dict(_flat(json.loads(json.dumps(now))))
    return [
        f"{key}: {old.get(key, 'absent')} there, {new.get(key, 'absent')} now"
        for key in sorted({*old, *new})
        if old.get(key, "absent") != new.get(key, "absent")
    ]


def refuse(folder: Path, found: list[str]) -> None:
    """Raise InputError with what differs and the ways on, if anything does."""
    if found:
        more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise InputError(
            f"{folder} contains an expansion with other settings ({'; '.join(found[:NAMED])}{more})", Remedy.REPLACE
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
