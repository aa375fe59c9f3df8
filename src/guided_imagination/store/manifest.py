"""The manifest of an expansion, from its finished shards and its journal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from guided_imagination.store.shards import ShardRecord, mean_criteria, totals


def manifest(
    fingerprint: Mapping[str, Any], records: list[ShardRecord], events: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What shaped the images, the shards, what was drawn, and what it took in all sessions together.

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
        "criteria": mean_criteria(records),
        "started": sessions[0]["started"],
        "ended": sessions[-1]["ended"],
        "images_per_second": round(images / total, 2) if total else None,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "sessions": sessions,
    }


def _sessions(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = []
    for event in events:
        if "session" in event:
            opened = event["session"]
            sessions.append({**opened, "ended": opened["started"], "shards": 0, "images": 0, "seconds": 0.0})
        elif sessions:
            session = sessions[-1]
            session["ended"] = event["finished"]
            session["shards"] += 1
            session["images"] += event["shard"]["rows"]
            session["seconds"] = round(session["seconds"] + event["total_seconds"], 3)
    return sessions
