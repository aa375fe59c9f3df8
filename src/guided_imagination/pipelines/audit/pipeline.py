"""`audit`: seeds, validation images and expansions -> what CLIP sees in them, a row each."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method
from guided_imagination.pipelines.typed import GPU, Nodes, typed

nodes = Nodes(f"{__package__}.nodes")


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """A row per dataset and method, and a table per dataset."""
    return Pipeline(
        [
            part
            for dataset in datasets
            for part in (
                *(_row(dataset, method, row.pipeline is not None) for method, row in methods.items()),
                _table(dataset, methods),
            )
        ]
    )


def _row(dataset: str, method: str, expanded: bool) -> Pipeline:
    inputs = {name: f"{dataset}.{name}" for name in ("seeds", "validation")}
    kept = {"kept": f"{dataset}.kept"}
    made = {"expanded": f"{dataset}.{method}.expanded"} if expanded else {}
    node = Node(
        typed(nodes.audit_row), [*inputs, "params:settings", *kept, *made], "audit", name="audit", tags=["audit", GPU]
    )
    return Pipeline([node], namespace=f"{dataset}.{method}", inputs={**inputs, **kept, **made})


def _table(dataset: str, methods: Iterable[str]) -> Pipeline:
    rows = {f"{method}_audit": f"{dataset}.{method}.audit" for method in methods}
    collect = Node(
        typed(nodes.collect, dataset=dataset),
        list(rows),
        ["audit_table", "audit_markdown"],
        name="collect_audit",
        tags="audit",
    )
    return Pipeline([collect], namespace=dataset, inputs=rows)
