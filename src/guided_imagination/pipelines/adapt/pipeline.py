"""`adapt`: seeds -> a generator fine-tuned on them, where settings ask for it."""

from typing import get_args

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import ExpandPipeline, Parameters
from guided_imagination.pipelines.typed import GPU, Nodes, typed

nodes = Nodes(f"{__package__}.nodes")


def create_pipeline(parameters: Parameters) -> Pipeline:
    """One namespace per dataset and expanding pipeline that has rows and whose `adapt` is not null."""
    node = Node(typed(nodes.adapt), ["seeds", "params:settings"], "adapted", name="adapt", tags=["adapt", GPU])
    return Pipeline(
        [
            Pipeline([node], namespace=f"{dataset}.{pipeline}", inputs={"seeds": f"{dataset}.seeds"})
            for dataset in parameters.places
            for pipeline in get_args(ExpandPipeline)
            if parameters.adapts(dataset, pipeline)
        ]
    )
