"""`tune`: seeds and validation images -> the learning rate and weight decay that every row trains with."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline

from guided_imagination.pipelines.tune import nodes
from guided_imagination.pipelines.typed import typed

SHARED = ["tune", "train", "recipes", "architectures", "compute", "ratio", "models_dir"]


def create_pipeline(datasets: Iterable[str]) -> Pipeline:
    """One namespace per dataset; the search needs no test image, so it gets none."""
    return Pipeline([_search(dataset) for dataset in datasets])


def _search(dataset: str) -> Pipeline:
    node = Node(
        typed(nodes.tune, dataset=dataset),
        ["seeds", "validation", "params:spec", *(f"params:{key}" for key in SHARED)],
        "tuned",
        name="tune",
        tags="tune",
    )
    return Pipeline(
        [node],
        namespace=dataset,
        inputs={split: f"{dataset}.{split}" for split in ("seeds", "validation")},
        parameters={
            "params:spec": f"params:dataset_specs.{dataset}",
            **{f"params:{key}": f"params:{key}" for key in SHARED},
        },
    )
