"""`ingest`: source files -> seeds, validation and test images in one form."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline

from guided_imagination.pipelines.typed import Nodes, typed

nodes = Nodes(f"{__package__}.nodes")


def create_pipeline(datasets: Iterable[str]) -> Pipeline:
    """One namespace per dataset."""
    outputs = ["seeds", "validation", "test", "split", "manifest"]
    node = Node(typed(nodes.read), ["params:settings", "earlier"], outputs, name="read", tags="ingest")
    return Pipeline([Pipeline([node], namespace=dataset) for dataset in datasets])
