"""`report`: results and expansions of each dataset -> tables, figures, contact sheets and one page."""

from collections.abc import Callable, Sequence
from typing import Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import place_of
from guided_imagination.config.tree import changing_recipe
from guided_imagination.pipelines.lazy import Lazy, bound

nodes = Lazy(f"{__package__}.nodes")

FIGURES = ["efficiency_figure", "gains_figure", "confusion_figure"]
SETTINGS = {"methods": "params:methods", "config": "params:report"}
OWN = "params:settings"  # of the first draw of a dataset


def create_pipeline(parameters: Parameters, references: Sequence[str] = ()) -> Pipeline:
    """A namespace per dataset, one per dataset and method for its contact sheet, and `report` over all datasets.

    `references` are rows of results beside those of the methods.
    """
    parts = [_dataset(dataset, parameters, references) for dataset in parameters.datasets]
    return Pipeline([*parts, _overall(parameters)])


def _node(
    function: Callable[..., Any], inputs: Sequence[str], outputs: str | list[str], name: str, **fixed: Any
) -> Node:
    return Node(bound(function, **fixed) if fixed else function, list(inputs), outputs, name=name, tags="report")


def _dataset(dataset: str, parameters: Parameters, references: Sequence[str]) -> Pipeline:
    methods = list(parameters.methods)
    made = [method for method, row in parameters.methods.items() if row.pipeline is not None]
    places = [place_of(dataset, draw) for draw in parameters.draws]

    def of_all(names: Sequence[str], kind: str) -> dict[str, str]:
        return {f"{place}_{name}_{kind}": f"{place}.{name}.{kind}" for place in places for name in names}

    rows, expanded, failures = (
        of_all([*methods, *references], "results"),
        of_all(made, "expanded"),
        of_all(methods, "failures"),
    )
    audits = {f"{place}_audit_table": f"{place}.audit_table" for place in places}
    manifests = {f"{place}_manifest": f"{place}.manifest" for place in places}
    sheets = {f"{method}_contact_sheet": f"{places[0]}.{method}.contact_sheet" for method in made}
    handed = ["results", "intervals", "speeds", "samples", "look", "confusions", "notes"]
    looked = parameters.looked_at()
    changed = changing_recipe(parameters.methods)
    named = {"dataset": dataset, "methods": methods, "changed": changed}
    config, models = SETTINGS["config"], "params:models_dir"
    own = Pipeline(
        [
            _node(
                nodes.collect,
                ["speeds", *manifests, *rows],
                ["results", "accuracy_table", "notes"],
                "collect",
                draws=len(places),
                **named,
            ),
            _node(nodes.compare, ["results", config, models], "intervals", "compare", changed=changed),
            _node(
                nodes.confuse,
                ["results", "seeds", config, models],
                "confusions",
                "confuse",
                dataset=dataset,
                changed=changed,
            ),
            _node(
                nodes.speeds,
                [OWN, *expanded],
                "speeds",
                "speeds",
                made=[(method, draw) for draw in parameters.draws for method in made],
            ),
            _node(nodes.sample, list(sheets), "samples", "sample", methods=made),
            _node(
                nodes.choose,
                ["seeds", OWN, config, *(f"{places[0]}_{method}_expanded" for method in looked)],
                "look",
                "choose",
                methods=looked,
            ),
            _node(
                nodes.gather,
                [*handed, *audits, *failures],
                "findings",
                "gather",
                dataset=dataset,
                draws=len(places),
            ),
        ],
        namespace=dataset,
        inputs={"seeds": f"{places[0]}.seeds", **rows, **failures, **expanded, **sheets, **audits, **manifests},
        parameters={config: config, models: models, OWN: f"params:{places[0]}.settings"},
    )
    return Pipeline([own, *(_contact_sheet(places[0], method) for method in made)])


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
    findings = {f"{dataset}_findings": f"{dataset}.findings" for dataset in datasets}
    groups = list(dict.fromkeys(parameters.report.group_of(dataset) for dataset in datasets))
    methods, config = SETTINGS.values()
    measured = ["results", methods]
    tables = [
        *(
            _node(
                nodes.accuracy,
                ["results", "speeds", "notes", methods, config],
                f"accuracy_{group}",
                f"accuracy_{group}",
                group=group,
            )
            for group in groups
        ),
        _node(nodes.measures, measured, "measures", "measures"),
        _node(nodes.classes, ["confusions"], ["confusion_figure", "classes"], "classes"),
        _node(nodes.efficiency, measured, ["efficiency_figure", "efficiency", "readings"], "efficiency"),
        _node(nodes.architectures, measured, "architectures", "architectures"),
        _node(nodes.ablation, measured, ["gains_figure", "ablation"], "ablation"),
        _node(nodes.difference, ["intervals"], "differences", "differences"),
        _node(nodes.audit, ["results", "audits", methods], "audit", "audit"),
        _node(nodes.cost, ["speeds", methods, config], "cost", "cost"),
    ]
    merged = ["results", "intervals", "speeds", "audits", "samples", "looks", "confusions", "failures", "notes"]
    names = [output for table in tables for output in table.outputs if output not in FIGURES]
    return Pipeline(
        [
            _node(nodes.merge, list(findings), merged, "merge", datasets=datasets),
            *tables,
            _node(
                nodes.page, [config, *FIGURES, "samples", "looks", "failures", *names], "page", "page", groups=groups
            ),
        ],
        namespace="report",
        inputs=findings,
        parameters={name: name for name in SETTINGS.values()},
    )
