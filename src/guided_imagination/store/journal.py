"""What was done to an expansion, a line per event: true after a kill between any two bytes."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from guided_imagination.files import explaining_full_disk
from guided_imagination.store.layout import JOURNAL


def note(folder: Path, event: Mapping[str, Any]) -> None:
    """Append an event; when this returns it survives a power loss. Raises InputError if the disk is full."""
    with explaining_full_disk(folder), (folder / JOURNAL).open("a+b") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        torn = file.read(1) not in (b"", b"\n")
        file.write((b"\n" if torn else b"") + json.dumps(event).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> list[dict[str, Any]]:
    """The events in their order; a torn line is none."""
    path = folder / JOURNAL
    events = []
    for line in path.read_bytes().split(b"\n") if path.exists() else []:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events
