"""`audit`: seeds, validation images and expansions -> what CLIP sees in them, a row each."""

import logging
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.rows import RowSettings
from guided_imagination.config.tree import Method
from guided_imagination.pipelines.lazy import GPU, bound

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

    from guided_imagination.expansion.store import Expansion

logger = logging.getLogger(__name__)


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """A row per dataset and method, and a table per dataset."""
    rows = [_row(dataset, method, row.pipeline is not None) for dataset in datasets for method, row in methods.items()]
    return Pipeline([*rows, *(_table(dataset, methods) for dataset in datasets)])


def _row(dataset: str, method: str, expanded: bool) -> Pipeline:
    inputs = {name: f"{dataset}.{name}" for name in ("seeds", "validation")}
    kept = {"kept": f"{dataset}.kept"}
    made = {"expanded": f"{dataset}.{method}.expanded"} if expanded else {}
    node = Node(audit_row, [*inputs, "params:settings", *kept, *made], "audit", name="audit", tags=["audit", GPU])
    return Pipeline([node], namespace=f"{dataset}.{method}", inputs={**inputs, **kept, **made})


def _table(dataset: str, methods: Iterable[str]) -> Pipeline:
    rows = {f"{method}_audit": f"{dataset}.{method}.audit" for method in methods}
    outputs = ["audit_table", "audit_markdown"]
    node = Node(bound(collect, dataset=dataset), list(rows), outputs, name="collect_audit", tags="audit")
    return Pipeline([node], namespace=dataset, inputs=rows)


def audit_row(
    seeds: "Dataset",
    validation: "Dataset",
    settings: RowSettings,
    kept: Path,
    expanded: "Expansion | None" = None,
) -> "pd.DataFrame":
    """The audit row of an expansion, or of the seeds; what all rows are compared with is kept in the folder `kept`."""
    from guided_imagination.expansion.audit_row import audit_rows
    from guided_imagination.utils.workers import call

    if expanded is not None:
        expanded.check_made_of(seeds)
    audited = partial(audit_rows, seeds, validation, settings, {settings.method: expanded}, kept)
    return call(audited, settings.compute)


def collect(*rows: "pd.DataFrame", dataset: str) -> "tuple[pd.DataFrame, str]":
    """The audit table of one dataset, and that as Markdown; also printed and in MLflow."""
    import pandas as pd

    from guided_imagination.expansion import audit
    from guided_imagination.pipelines import tracking

    table = pd.concat(rows, ignore_index=True)
    text = audit.markdown(table)
    logger.info("audit of %s:\n\n%s\n", dataset, text)
    tracking.log_table(table, f"audit_{dataset}")
    return table, text
