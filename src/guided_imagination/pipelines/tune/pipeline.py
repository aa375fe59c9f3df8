"""`tune`: seeds and validation images -> the learning rate and weight decay that every row trains with."""

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Parameters
from guided_imagination.pipelines.typed import GPU, Nodes, typed

nodes = Nodes(f"{__package__}.nodes")


def create_pipeline(parameters: Parameters) -> Pipeline:
    """The search, one namespace per dataset (it needs no test image, so it gets none), and its use in every row."""
    rows = [(dataset, method) for dataset in parameters.places for method in parameters.methods]
    return Pipeline([*map(_search, parameters.places), *(_use(dataset, method) for dataset, method in rows)])


def _search(dataset: str) -> Pipeline:
    inputs = ["seeds", "validation", "params:settings"]
    return Pipeline([Node(typed(nodes.tune), inputs, "tuned", name="tune", tags=["tune", GPU])], namespace=dataset)


def _use(dataset: str, method: str) -> Pipeline:
    node = Node(typed(nodes.apply), ["params:settings", "tuned"], "tuned_settings", name="apply_tuned", tags="tune")
    return Pipeline([node], namespace=f"{dataset}.{method}", inputs={"tuned": f"{dataset}.tuned"})
