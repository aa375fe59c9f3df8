"""`verify`: expansions -> verdicts; fails at the end if one cannot be trusted."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method
from guided_imagination.pipelines.typed import Nodes, typed

nodes = Nodes(f"{__package__}.nodes")


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """The verdicts on each dataset's expansions, and the conclusion over all."""
    made = [method for method, row in methods.items() if row.pipeline is not None]
    datasets = list(datasets) if made else []
    verdicts = [f"verdicts_{dataset}" for dataset in datasets]
    conclude = Node(typed(nodes.conclude), verdicts, None, name="conclude", tags="verify") if datasets else None
    return Pipeline([*(_verification(dataset, made) for dataset in datasets), *([conclude] if conclude else [])])


def _verification(dataset: str, methods: list[str]) -> Pipeline:
    expansions = {f"{method}_expanded": f"{dataset}.{method}.expanded" for method in methods}
    names = [f"{dataset}.{method}" for method in methods]
    verify = Node(typed(nodes.verify, names=names), list(expansions), "verdicts", name="verify", tags="verify")
    return Pipeline([verify], namespace=dataset, inputs=expansions, outputs={"verdicts": f"verdicts_{dataset}"})
