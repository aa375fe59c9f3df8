"""`plan`: seeds and settings -> what the run will cost, before it begins."""

from typing import get_args

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import ExpandPipeline, Parameters
from guided_imagination.pipelines.typed import GPU, Nodes, typed

nodes = Nodes(f"{__package__}.nodes")

SPLITS = ["seeds", "validation", "test"]


def create_pipeline(parameters: Parameters) -> Pipeline:
    """What is to be done of each draw of a dataset, and the plan over all."""
    asked = [_place(parameters, place) for place in parameters.places]
    inputs = ["params:plan", "params:compute", *(f"{place}.work" for place in parameters.places)]
    outputs = ["plan.costs", "plan.speeds", "plan.text"]
    return Pipeline([*asked, Node(typed(nodes.plan), inputs, outputs, name="plan", tags=["plan", GPU])])


def _place(parameters: Parameters, place: str) -> Node:
    adapting = [pipeline for pipeline in get_args(ExpandPipeline) if parameters.adapts(place, pipeline)]
    owners = [*parameters.methods, *adapting]
    inputs = [*(f"{place}.{split}" for split in SPLITS), *(f"params:{place}.{owner}.settings" for owner in owners)]
    return Node(typed(nodes.ask, name=place), inputs, f"{place}.work", name=f"ask_{place}", tags="plan")
