"""`expand_mae`, `expand_dalle`, `expand_sd`, `augment_baselines`: seeds -> labelled new images."""

from collections.abc import Mapping
from typing import Any, Literal

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import AUGMENT, ExpandPipeline, Parameters, origin_of
from guided_imagination.pipelines.typed import GPU, Nodes, typed

nodes = Nodes(f"{__package__}.nodes")


def create_pipeline(name: Literal["augment_baselines"] | ExpandPipeline, parameters: Parameters) -> Pipeline:
    """One namespace per dataset and method whose images the pipeline `name` makes."""
    return Pipeline(
        [
            _expansion(
                name,
                dataset,
                method,
                name != AUGMENT and parameters.adapts(dataset, name),
                origin_of(parameters, dataset, method),
            )
            for dataset in parameters.places
            for method in parameters.rows_of(name)
        ]
    )


def _expansion(name: str, dataset: str, method: str, adapts: bool, origin: Mapping[str, Any]) -> Pipeline:
    adapted = {"adapted": f"{dataset}.{name}.adapted"} if adapts else {}
    node = Node(
        typed(nodes.plan, origin=origin),
        ["seeds", "params:settings", *adapted],
        "expanded",
        name="expand",
        tags=[name] if name == AUGMENT else [name, GPU],
    )
    return Pipeline([node], namespace=f"{dataset}.{method}", inputs={"seeds": f"{dataset}.seeds", **adapted})
