"""`report`: what was found on each dataset -> tables, figures, contact sheets and one page."""

from collections.abc import Callable, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import place_of
from guided_imagination.pipelines.lazy import Inputs, Lazy, bound, by_name

nodes = Lazy(f"{__package__}.nodes")

TABLES = [
    "measures",
    "classes",
    "efficiency",
    "readings",
    "architectures",
    "ablation",
    "differences",
    "advice",
    "audit",
    "cost",
]
FIGURES = ["efficiency_figure", "gains_figure", "confusion_figure"]
METHODS, CONFIG = {"methods": "params:methods"}, {"config": "params:report"}


def create_pipeline(parameters: Parameters, references: Sequence[str] = ()) -> Pipeline:
    """A node per dataset, one per dataset and method for its contact sheet, and three over all datasets.

    `references` are rows of results beside those of the methods.
    """
    datasets, draw = list(parameters.datasets), parameters.draws[0]
    made = [method for method, row in parameters.methods.items() if row.pipeline is not None]
    groups = list(dict.fromkeys(parameters.report.group_of(dataset) for dataset in datasets))
    of_groups = [f"accuracy_{group}" for group in groups]
    tables, figures = ({name: f"report.{name}" for name in names} for names in ([*of_groups, *TABLES], FIGURES))
    found = {"findings": "report.findings"}
    each = {"findings": {dataset: f"{dataset}.findings" for dataset in datasets}}
    sheets = {
        (dataset, method): f"{place_of(dataset, draw)}.{method}.contact_sheet"
        for dataset in datasets
        for method in made
    }
    shown: Inputs = {**found, "tables": tables, "figures": figures, "sheets": sheets, **CONFIG}
    return Pipeline(
        [
            *(_collect(dataset, parameters, made, references) for dataset in datasets),
            *(_contact_sheet(place_of(dataset, draw), method) for dataset, method in sheets),
            _node("report.join", nodes.join, each, "report.findings"),
            _node("report.show", nodes.show, {**found, **METHODS, **CONFIG}, {**tables, **figures}, groups=groups),
            _node("report.page", nodes.page, shown, "report.page", groups=groups),
        ]
    )


def _collect(dataset: str, parameters: Parameters, made: Sequence[str], references: Sequence[str]) -> Node:
    draws = parameters.draws
    places = [place_of(dataset, draw) for draw in draws]

    def each(kind: str, names: Sequence[str]) -> dict[str, str]:
        return {row: f"{row}.{kind}" for place in places for row in (f"{place}.{name}" for name in names)}

    inputs: Inputs = {
        "seeds": f"{places[0]}.seeds",
        "expanded": {(name, draw): f"{place_of(dataset, draw)}.{name}.expanded" for draw in draws for name in made},
        "results": each("results", [*parameters.methods, *references]),
        "failures": each("failures", list(parameters.methods)),
        "audits": {place: f"{place}.audit_table" for place in places},
        "manifests": {place: f"{place}.manifest" for place in places},
        "settings": f"params:{places[0]}.settings",
        "models": "params:models_dir",
        **METHODS,
        **CONFIG,
    }
    outputs = [f"{dataset}.findings", f"{dataset}.accuracy_table"]
    return _node(f"{dataset}.collect", nodes.collect, inputs, outputs, looked=parameters.looked_at())


def _contact_sheet(place: str, method: str) -> Node:
    name = f"{place}.{method}.contact_sheet"
    inputs = {"seeds": f"{place}.seeds", "expanded": f"{place}.{method}.expanded", **CONFIG}
    return _node(name, nodes.draw_contact_sheet, inputs, name, title=f"{place}: {method}")


def _node(
    name: str, function: Callable[..., Any], inputs: Inputs, outputs: str | list[str] | dict[str, str], **fixed: Any
) -> Node:
    namespace, _, own = name.rpartition(".")
    return Node(*by_name(bound(function, **fixed), inputs), outputs, name=own, namespace=namespace, tags="report")
