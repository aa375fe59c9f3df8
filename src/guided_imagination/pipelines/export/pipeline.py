"""`export`: seeds, test images and an expansion -> folders for use elsewhere."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline

from guided_imagination.pipelines.typed import Nodes, typed

nodes = Nodes(f"{__package__}.nodes")

CONFIG, SETTINGS = "params:export", "params:settings"


def create_pipeline(datasets: Iterable[str], methods: Iterable[str]) -> Pipeline:
    """One namespace per dataset and exported method."""
    return Pipeline([_export(dataset, method) for dataset in datasets for method in methods])


def _export(dataset: str, method: str) -> Pipeline:
    write = Node(
        typed(nodes.write),
        ["seeds", "test", "expanded", CONFIG, SETTINGS],
        "exported",
        name="export",
        tags="export",
    )
    return Pipeline(
        [write],
        namespace=f"{dataset}.{method}",
        inputs={
            **{split: f"{dataset}.{split}" for split in ("seeds", "test")},
            "expanded": f"{dataset}.{method}.expanded",
        },
        parameters={CONFIG: CONFIG},
    )
