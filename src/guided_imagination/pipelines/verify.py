"""`verify`: expansions -> verdicts; fails at the end if one cannot be trusted."""

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.tree import Method
from guided_imagination.pipelines.lazy import bound
from guided_imagination.utils.errors import InputError

if TYPE_CHECKING:
    from guided_imagination.expansion.store import Expansion

logger = logging.getLogger(__name__)


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """The verdicts on each dataset's expansions, and the conclusion over all."""
    made = [method for method, row in methods.items() if row.pipeline is not None]
    datasets = list(datasets) if made else []
    verdicts = [f"verdicts_{dataset}" for dataset in datasets]
    last = [Node(conclude, verdicts, None, name="conclude", tags="verify")] if datasets else []
    return Pipeline([*(_verification(dataset, made) for dataset in datasets), *last])


def _verification(dataset: str, methods: list[str]) -> Pipeline:
    expansions = {f"{method}_expanded": f"{dataset}.{method}.expanded" for method in methods}
    names = [f"{dataset}.{method}" for method in methods]
    node = Node(bound(verify, names=names), list(expansions), "verdicts", name="verify", tags="verify")
    return Pipeline([node], namespace=dataset, inputs=expansions, outputs={"verdicts": f"verdicts_{dataset}"})


def verify(*expansions: "Expansion", names: list[str]) -> dict[str, Any]:
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
            "there is no expansion to verify: run one first, or name its folder by --params data_dir=FOLDER"
        )


def _verdict(expanded: "Expansion", name: str) -> dict[str, Any]:
    if not expanded.folder.exists():
        logger.info("%s: not made yet", name)
        return {"verdict": "absent", "findings": []}
    from guided_imagination.expansion import records

    findings = records.verify(expanded.folder)
    for finding in findings:
        logger.error("%s: %s", name, finding)
    if findings:
        return {"verdict": "faulty", "findings": findings}
    rows = [shard["rows"] for shard in expanded.manifest["shards"]]
    logger.info("%s: intact, %d images in %d shards", name, sum(rows), len(rows))
    return {"verdict": "intact", "findings": []}
