"""`report`: results of all cells -> tables; seeds and expansions -> contact sheets."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method
from guided_imagination.pipelines.report import nodes
from guided_imagination.pipelines.typed import typed


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """The tables of all datasets and a contact sheet per dataset and method."""
    datasets = list(datasets)
    results = [f"{dataset}.{method}.results" for dataset in datasets for method in methods]
    tables = Pipeline(
        [
            Node(typed(nodes.collect), results, "results", name="collect", tags="report"),
            Node(
                typed(nodes.tabulate, methods=list(methods)),
                "results",
                ["accuracy_table", "accuracy_markdown"],
                name="tabulate",
                tags="report",
            ),
        ]
    )
    sheets = [
        _contact_sheet(dataset, method)
        for dataset in datasets
        for method, row in methods.items()
        if row.pipeline is not None
    ]
    return Pipeline([tables, *sheets])


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
