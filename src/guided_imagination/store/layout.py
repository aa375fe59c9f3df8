"""The files of an expansion's folder."""

from pathlib import Path

PLAN = "plan.json"  # the fingerprint, written first
JOURNAL = "journal.jsonl"  # a line per session and finished shard
MANIFEST = "manifest.json"  # written last: without it the expansion is unfinished
REPLACEMENT = "replacement"  # folder of an expansion that will take the place of this one
SHARDS = "*.parquet"


def shard_path(folder: Path, shard: int, shards: int) -> Path:
    """Hub-style shard names, so that `load_dataset` finds them in order."""
    return folder / f"train-{shard:05d}-of-{shards:05d}.parquet"
