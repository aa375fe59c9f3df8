"""`ingest`: source files -> seeds, validation and test images in one form."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline

from guided_imagination.pipelines.ingest import nodes
from guided_imagination.pipelines.typed import typed


def create_pipeline(datasets: Iterable[str]) -> Pipeline:
    """One namespace per dataset."""
    base = Pipeline(
        [
            Node(
                typed(nodes.read),
                ["params:spec", "params:draw"],
                ["seeds", "validation", "test"],
                name="read",
                tags="ingest",
            )
        ]
    )
    return Pipeline(
        [
            Pipeline(
                base,
                namespace=dataset,
                parameters={"params:spec": f"params:dataset_specs.{dataset}", "params:draw": "params:draw"},
            )
            for dataset in datasets
        ]
    )
