"""Another expansion in the place of one that is there, which is kept until the other is complete."""

import shutil
from pathlib import Path

from guided_imagination.expansion import Plan
from guided_imagination.files import read_json, sync_folder
from guided_imagination.store.comparing import differences
from guided_imagination.store.layout import JOURNAL, MANIFEST, PLAN, REPLACEMENT, SHARDS


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
