"""Nodes of `verify`."""

import logging
from typing import Any

from guided_imagination import store
from guided_imagination.errors import InputError
from guided_imagination.store import Expansion

logger = logging.getLogger(__name__)


def verify(expanded: Expansion, *, name: str) -> dict[str, Any]:
    """The verdict on one expansion; also printed."""
    if not expanded.folder.exists():
        logger.info("%s: absent, it was never made", name)
        return {"expansion": name, "verdict": "absent", "findings": []}
    findings = store.verify(expanded.folder)
    if not findings:
        manifest = expanded.manifest
        images = sum(shard["rows"] for shard in manifest["shards"])
        logger.info("%s: intact, %d images in %d shards", name, images, len(manifest["shards"]))
    for finding in findings:
        logger.error("%s: %s", name, finding)
    return {"expansion": name, "verdict": "faulty" if findings else "intact", "findings": findings}


def conclude(*verdicts: dict[str, Any]) -> None:
    """Raise InputError unless there is an expansion and every one that is there can be trusted."""
    faulty = [verdict["expansion"] for verdict in verdicts if verdict["verdict"] == "faulty"]
    if faulty:
        raise InputError(
            f"{len(faulty)} of {len(verdicts)} expansions cannot be trusted: {', '.join(faulty)}; "
            "the lines above and verdict_*.json in 08_reporting say why and what to do"
        )
    if all(verdict["verdict"] == "absent" for verdict in verdicts):
        raise InputError(
            "there is no expansion to verify: make one first, or name its folder by --params data_dir=FOLDER"
        )
