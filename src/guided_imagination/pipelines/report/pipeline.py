"""`report`: results of all cells -> tables; seeds and expansions -> contact sheets."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method
from guided_imagination.pipelines.report import nodes
from guided_imagination.pipelines.typed import typed


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """The results of each dataset, a contact sheet per dataset and method, and the tables over all datasets."""
    datasets = list(datasets)
    collected = [f"results_{dataset}" for dataset in datasets]
    tables = ["results", "accuracy_table", "accuracy_markdown"]
    tabulate = Node(typed(nodes.tabulate, methods=list(methods)), collected, tables, name="tabulate", tags="report")
    sheets = [
        _contact_sheet(dataset, method)
        for dataset in datasets
        for method, row in methods.items()
        if row.pipeline is not None
    ]
    return Pipeline([*(_collection(dataset, methods) for dataset in datasets), *sheets, tabulate])


def _collection(dataset: str, methods: Iterable[str]) -> Pipeline:
    rows = {f"{method}_results": f"{dataset}.{method}.results" for method in methods}
    collect = Node(
        typed(nodes.collect, methods=list(methods), dataset=dataset),
        list(rows),
        ["results", "accuracy_table"],
        name="collect",
        tags="report",
    )
    return Pipeline(
        [collect],
        namespace=dataset,
        inputs=rows,
        outputs={"results": f"results_{dataset}"},
    )


def _contact_sheet(dataset: str, method: str) -> Pipeline:
    draw = Node(
        typed(nodes.draw_contact_sheet, title=f"{dataset}: {method}"),
        ["seeds", "expanded", "params:report"],
        "contact_sheet",
        name="contact_sheet",
        tags="report",
    )
    return Pipeline(
        [draw],
        namespace=f"{dataset}.{method}",
        inputs={"seeds": f"{dataset}.seeds", "expanded": f"{dataset}.{method}.expanded"},
        parameters={"params:report": "params:report"},
    )
