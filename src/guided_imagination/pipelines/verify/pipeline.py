"""`verify`: expansions -> verdicts; fails at the end if one cannot be trusted."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method
from guided_imagination.pipelines.typed import typed
from guided_imagination.pipelines.verify import nodes


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """One namespace per dataset and method, and the conclusion over all."""
    rows = [
        f"{dataset}.{method}" for dataset in datasets for method, row in methods.items() if row.pipeline is not None
    ]
    verdicts = [f"{row}.verdict" for row in rows]
    conclude = Node(nodes.conclude, verdicts, None, name="conclude", tags="verify")
    return Pipeline([*(_verification(row) for row in rows), *([conclude] if rows else [])])


def _verification(row: str) -> Pipeline:
    verify = Node(typed(nodes.verify, name=row), ["expanded"], "verdict", name="verify", tags="verify")
    return Pipeline([verify], namespace=row, inputs={"expanded": f"{row}.expanded"})
