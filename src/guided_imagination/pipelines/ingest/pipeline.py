"""`ingest`: source files -> seeds, validation and test images in one form."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline

from guided_imagination.pipelines.ingest import nodes
from guided_imagination.pipelines.typed import typed


def create_pipeline(datasets: Iterable[str]) -> Pipeline:
    """One namespace per dataset."""
    return Pipeline([_reading(dataset) for dataset in datasets])


def _reading(dataset: str) -> Pipeline:
    node = Node(
        typed(nodes.read, dataset=dataset),
        ["params:spec", "params:draw", "earlier"],
        ["seeds", "validation", "test", "split", "manifest"],
        name="read",
        tags="ingest",
    )
    return Pipeline(
        [node],
        namespace=dataset,
        parameters={"params:spec": f"params:dataset_specs.{dataset}", "params:draw": "params:draw"},
    )
