"""Nodes of `verify`."""

import logging
from typing import Any

from guided_imagination.expansion import records
from guided_imagination.expansion.store import Expansion
from guided_imagination.utils.errors import InputError

logger = logging.getLogger(__name__)


def verify(*expansions: Expansion, names: list[str]) -> dict[str, Any]:
    """The verdict on each expansion (intact, faulty, or absent: never made) and why; also printed."""
    return {name: _verdict(expanded, name) for name, expanded in zip(names, expansions, strict=True)}


def conclude(*verdicts: dict[str, Any]) -> None:
    """Raise InputError unless there is an expansion and every one that is there can be trusted."""
    found = {name: verdict["verdict"] for dataset in verdicts for name, verdict in dataset.items()}
    faulty = [name for name, verdict in found.items() if verdict == "faulty"]
    if faulty:
        raise InputError(
            f"{len(faulty)} of {len(found)} expansions cannot be trusted: {', '.join(faulty)}; "
            "the lines above and verdicts.json in 08_reporting say why and what to do"
        )
    if "intact" not in found.values():
        raise InputError(
            "there is no expansion to verify: make one first, or name its folder by --params data_dir=FOLDER"
        )


def _verdict(expanded: Expansion, name: str) -> dict[str, Any]:
    if not expanded.folder.exists():
        logger.info("%s: absent, it was never made", name)
        return {"verdict": "absent", "findings": []}
    findings = records.verify(expanded.folder)
    for finding in findings:
        logger.error("%s: %s", name, finding)
    if findings:
        return {"verdict": "faulty", "findings": findings}
    rows = [shard["rows"] for shard in expanded.manifest["shards"]]
    logger.info("%s: intact, %d images in %d shards", name, sum(rows), len(rows))
    return {"verdict": "intact", "findings": []}
