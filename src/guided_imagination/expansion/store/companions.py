"""What an expansion needs beside its shards: files that are made once, and facts found on the way."""

from pathlib import Path
from typing import Any

from guided_imagination.expansion.store.manifest import events, latest, note
from guided_imagination.expansion.store.shards import agrees, checksum
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.files import sync_folder


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
