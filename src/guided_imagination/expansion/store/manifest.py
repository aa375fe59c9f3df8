"""The journal and the manifest of an expansion: finished shards, files made once, facts found on the way."""

import json
import os
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from guided_imagination.expansion.store.reader import JOURNAL, JOURNALS
from guided_imagination.expansion.store.shards import ShardRecord, agrees, checksum, overall_means, totals
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.files import explaining_full_disk, sync_folder


def manifest(
    fingerprint: Mapping[str, Any], records: list[ShardRecord], events: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What shaped the images, the shards, what was drawn, and what it took in all sessions together.

    Seconds are those of the workers that spent them, one after the other: of several at once it is their sum.
    A shard that was made twice, because its file was damaged, counts twice in times and speed.
    What a killed session spent on its last shard is not known and counts nowhere.
    """
    sessions = _sessions(events)
    seconds: Counter[str] = Counter()
    for event in events:
        seconds.update(event.get("seconds", {}))
    images, total = (sum(session[key] for session in sessions) for key in ("images", "seconds"))
    return {
        "fingerprint": fingerprint,
        "shards": [asdict(record) for record in records],
        "totals": totals(records),
        "means": overall_means(records),
        "started": sessions[0]["started"],
        "ended": sessions[-1]["ended"],
        "images_per_second": round(images / total, 2) if total else None,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "sessions": sessions,
        "files": [event["kept_file"] for event in latest(events, "kept_file", "file")],
        "found": {event["found"]["name"]: event["found"]["value"] for event in latest(events, "found", "name")},
    }


def latest(events: Sequence[Mapping[str, Any]], kind: str, key: str) -> list[Mapping[str, Any]]:
    """The last event of `kind` for each value of its `key`."""
    return list({event[kind][key]: event for event in events if kind in event}.values())


def _sessions(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = []
    for event in events:
        if "session" in event:
            opened = event["session"]
            sessions.append({**opened, "ended": opened["started"], "shards": 0, "images": 0, "seconds": 0.0})
        elif "total_seconds" in event and sessions:
            session = sessions[-1]
            session["seconds"] = round(session["seconds"] + event["total_seconds"], 3)
            if "shard" in event:
                session["ended"] = event["finished"]
                session["shards"] += 1
                session["images"] += event["shard"]["rows"]
    return sessions


def note(folder: Path, event: Mapping[str, Any]) -> None:
    """Append an event; when this returns it survives a power loss. Raises InputError if the disk is full."""
    with explaining_full_disk(folder), (folder / JOURNAL).open("a+b") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        torn = file.read(1) not in (b"", b"\n")
        file.write((b"\n" if torn else b"") + json.dumps(event).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def events(folder: Path) -> list[dict[str, Any]]:
    """The events of each journal in their order; a torn line is none."""
    found = []
    for line in b"\n".join(path.read_bytes() for path in sorted(folder.glob(JOURNALS))).split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


SHAPING = ["torch", "torchvision", "timm", "diffusers", "transformers", "peft", "numpy", "pillow", "pyarrow"]


def describe_machine() -> dict[str, Any]:
    """The machine, its GPUs, and the versions of the packages that shape images or files."""
    import torch  # takes seconds, which those who only read a manifest need not wait

    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),  # sums over another number round otherwise
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "versions": {name: _version(name) for name in SHAPING},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def keep_file(folder: Path, unfinished: Path, name: str) -> Path:
    """Give a file that is complete its name in `folder`; the manifest will list it with its size and checksum."""
    record = {"file": name, "bytes": unfinished.stat().st_size, "checksum": checksum(unfinished)}
    path = unfinished.rename(folder / name)
    sync_folder(folder)
    note(folder, {"kept_file": record})
    return path


def kept_file(folder: Path, name: str) -> Path | None:
    """A file that was kept and is as it was; None if it has to be made."""
    record = kept_files(folder).get(name)
    path = folder / name
    return path if record and agrees(path, record["bytes"], record["checksum"]) else None


def kept_files(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of all kept files by name."""
    return {event["kept_file"]["file"]: event["kept_file"] for event in latest(events(folder), "kept_file", "file")}


def spent(folder: Path, clock: Clock) -> None:
    """Note what was spent on all shards together, before the first."""
    note(folder, {"seconds": clock.seconds, "total_seconds": round(clock.total, 3)})


def find(folder: Path, name: str, value: Any) -> None:
    """Note a fact, which the manifest will tell; a later one of the same name takes its place."""
    note(folder, {"found": {"name": name, "value": value}})


def found(folder: Path, name: str) -> Any:
    """A fact that was noted; None if it was not."""
    facts = {event["found"]["name"]: event["found"]["value"] for event in latest(events(folder), "found", "name")}
    return facts.get(name)
