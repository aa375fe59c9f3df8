"""`train`: seeds and an expansion -> accuracies of every cell; CLIP's own; the best classifier."""

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method, Parameters
from guided_imagination.pipelines.train import nodes
from guided_imagination.pipelines.typed import typed

SPLITS = ["seeds", "validation", "test"]
SHARED = {
    "config": "params:train",
    "recipes": "params:recipes",
    "architectures": "params:architectures",
    "guides": "params:guides",
    "compute": "params:compute",
    "ratio": "params:ratio",
    "models": "params:models_dir",
}
ZERO_SHOT = "clip_zero_shot"


def create_pipeline(parameters: Parameters) -> Pipeline:
    """One namespace per dataset and method, one for CLIP's zero-shot row, and the registration per dataset."""
    tuned = parameters.train.tuned
    rows = [
        _row(dataset, method, row, tuned)
        for dataset in parameters.datasets
        for method, row in parameters.methods.items()
    ]
    references = [_reference(dataset) for dataset in parameters.datasets if parameters.train.zero_shot]
    registrations = [_registration(dataset, list(parameters.methods)) for dataset in parameters.datasets]
    return Pipeline([*rows, *references, *registrations])


def _inputs(*names: str) -> dict[str, str]:
    return {name: SHARED.get(name, f"params:{name}" if name == "spec" else name) for name in names}


def _within(node: Node, dataset: str, namespace: str, datasets: dict[str, str]) -> Pipeline:
    return Pipeline(
        [node],
        namespace=namespace,
        inputs=datasets,
        parameters={
            name: f"params:dataset_specs.{dataset}" if name == "params:spec" else name
            for name in node.inputs
            if name.startswith("params:")
        },
    )


def _row(dataset: str, method: str, row: Method, tuned: bool) -> Pipeline:
    sources = {split: f"{dataset}.{split}" for split in SPLITS}
    if row.pipeline is not None:
        sources["expanded"] = f"{dataset}.{method}.expanded"
    if tuned:
        sources["tuned"] = f"{dataset}.tuned"
    settings = ["spec", "config", "recipes", "architectures", "compute", "ratio", "models"]
    node = Node(
        typed(nodes.train, dataset=dataset, method=method, row=row),
        _inputs(*sources, *settings),
        ["results", "failures"],
        name="train",
        tags="train",
    )
    return _within(node, dataset, f"{dataset}.{method}", sources)


def _reference(dataset: str) -> Pipeline:
    node = Node(
        typed(nodes.zero_shot_reference, dataset=dataset),
        _inputs("validation", "test", "spec", "config", "guides", "compute", "models"),
        "results",
        name="classify",
        tags="train",
    )
    sources = {split: f"{dataset}.{split}" for split in ("validation", "test")}
    return _within(node, dataset, f"{dataset}.{ZERO_SHOT}", sources)


def _registration(dataset: str, methods: list[str]) -> Pipeline:
    rows = {f"{method}_results": f"{dataset}.{method}.results" for method in methods}
    node = Node(
        typed(nodes.register),
        ["seeds", "params:spec", "params:architectures", "params:models_dir", *rows],
        "best",
        name="register",
        tags="train",
    )
    return _within(node, dataset, dataset, {"seeds": f"{dataset}.seeds", **rows})
