"""`train`: seeds and an expansion -> accuracies."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method
from guided_imagination.pipelines.train import nodes
from guided_imagination.pipelines.typed import typed

SPLITS = ["seeds", "validation", "test"]
SHARED = ["train", "recipes", "architectures", "compute", "ratio", "models_dir"]


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """One namespace per dataset and method."""
    return Pipeline(
        [
            _training(dataset, method, row.pipeline is not None)
            for dataset in datasets
            for method, row in methods.items()
        ]
    )


def _training(dataset: str, method: str, expanded: bool) -> Pipeline:
    parameters = ["params:spec", *(f"params:{key}" for key in SHARED)]
    node = Node(
        typed(nodes.train, dataset=dataset, method=method),
        [*SPLITS, *parameters, *(["expanded"] if expanded else [])],
        "results",
        name="train",
        tags="train",
    )
    return Pipeline(
        [node],
        namespace=f"{dataset}.{method}",
        inputs={
            **{split: f"{dataset}.{split}" for split in SPLITS},
            **({"expanded": f"{dataset}.{method}.expanded"} if expanded else {}),
        },
        parameters={
            "params:spec": f"params:dataset_specs.{dataset}",
            **{f"params:{key}": f"params:{key}" for key in SHARED},
        },
    )
