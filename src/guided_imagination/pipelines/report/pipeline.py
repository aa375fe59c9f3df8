"""`report`: results and expansions of each dataset -> tables, figures, contact sheets and one page."""

from collections.abc import Callable, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Parameters
from guided_imagination.pipelines.report import nodes
from guided_imagination.pipelines.typed import typed
from guided_imagination.report.accuracy import group_of

FORMS = ["csv", "markdown", "latex"]
SETTINGS = {"methods": "params:methods", "config": "params:report", "split": "params:train.evaluate_on"}
BY_DATASET = ["differences", "speeds", "samples"]  # what a dataset hands to the page beside its results


def create_pipeline(parameters: Parameters, references: Sequence[str] = ()) -> Pipeline:
    """A namespace per dataset, one per dataset and method for its contact sheet, and `report` over all datasets.

    `references` are rows of results beside those of the methods.
    """
    parts = [_dataset(dataset, parameters, references) for dataset in parameters.datasets]
    return Pipeline([*parts, _overall(parameters)])


def _node(
    function: Callable[..., Any], inputs: Sequence[str], outputs: str | list[str], name: str, **fixed: Any
) -> Node:
    return Node(typed(function, **fixed), list(inputs), outputs, name=name, tags="report")


def _dataset(dataset: str, parameters: Parameters, references: Sequence[str]) -> Pipeline:
    methods = list(parameters.methods)
    made = [method for method, row in parameters.methods.items() if row.pipeline is not None]
    rows = [f"{method}.results" for method in (*methods, *references)]
    expanded = [f"{method}.expanded" for method in made]
    config, split, models = SETTINGS["config"], SETTINGS["split"], "params:models_dir"
    own = Pipeline(
        [
            _node(
                nodes.collect,
                [split, *rows],
                ["results", "accuracy_table"],
                "collect",
                dataset=dataset,
                methods=methods,
            ),
            _node(nodes.compare, ["results", config, models], "differences", "compare"),
            _node(nodes.speeds, expanded, "speeds", "speeds", dataset=dataset, methods=made),
            _node(nodes.sample, ["seeds", config, *expanded], "samples", "sample", methods=made),
        ],
        namespace=dataset,
        parameters={name: name for name in (config, split, models)},
    )
    return Pipeline([own, *(_contact_sheet(dataset, method) for method in made)])


def _contact_sheet(dataset: str, method: str) -> Pipeline:
    draw = _node(
        nodes.draw_contact_sheet,
        ["seeds", "expanded", SETTINGS["config"]],
        "contact_sheet",
        "contact_sheet",
        title=f"{dataset}: {method}",
    )
    return Pipeline(
        [draw],
        namespace=f"{dataset}.{method}",
        inputs={"seeds": f"{dataset}.seeds", "expanded": f"{dataset}.{method}.expanded"},
        parameters={SETTINGS["config"]: SETTINGS["config"]},
    )


def _overall(parameters: Parameters) -> Pipeline:
    """The tables over all datasets and the page, in the namespace `report`."""
    datasets = list(parameters.datasets)
    of = {part: [f"{dataset}.{part}" for dataset in datasets] for part in ["results", *BY_DATASET]}
    methods, config, split = SETTINGS.values()
    groups = dict.fromkeys(group_of(dataset, parameters.report.groups) for dataset in datasets)
    tables = [
        _node(nodes.tabulate, of["results"], "results", "tabulate"),
        *(
            _node(
                nodes.accuracy,
                ["results", methods, config, split],
                _forms(f"accuracy_{group}"),
                f"accuracy_{group}",
                group=group,
            )
            for group in groups
        ),
        _node(
            nodes.efficiency,
            ["results", methods, split],
            ["efficiency_curves", *_forms("efficiency"), *_forms("readings")],
            "efficiency",
        ),
        _node(nodes.architectures, ["results", methods, split], _forms("architectures"), "architectures"),
        _node(nodes.ablation, ["results", methods, split], _forms("ablation"), "ablation"),
        _node(nodes.difference, of["differences"], _forms("differences"), "differences"),
        _node(nodes.cost, [methods, config, *of["speeds"]], _forms("cost"), "cost"),
    ]
    found = [name for part in BY_DATASET for name in of[part]]
    page = _node(nodes.page, ["results", methods, config, split, *found], "page", "page", datasets=datasets)
    return Pipeline(
        [*tables, page],
        namespace="report",
        inputs={name for names in of.values() for name in names},
        parameters={name: name for name in SETTINGS.values()},
    )


def _forms(table: str) -> list[str]:
    return [f"{table}.{form}" for form in FORMS]
