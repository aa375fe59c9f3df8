"""`expand_mae` and `expand_dalle`: seeds -> imagined images, guided and unguided."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method
from guided_imagination.pipelines.expand import nodes
from guided_imagination.pipelines.typed import typed

SHARED = ["criteria_sets", "ratio", "seed", "overwrite"]


def create_pipeline(name: str, datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """One namespace per dataset and method of the pipeline `name`, whose parameters have its name."""
    return Pipeline(
        [
            _expansion(name, dataset, method, row.guided)
            for dataset in datasets
            for method, row in methods.items()
            if row.pipeline == name
        ]
    )


def _expansion(name: str, dataset: str, method: str, guided: bool) -> Pipeline:
    make = Node(
        typed(nodes.plan, method=method, guided=guided),
        ["seeds", "params:spec", "params:config", *(f"params:{key}" for key in SHARED)],
        "expanded",
        name="expand",
        tags=name,
    )
    return Pipeline(
        [make],
        namespace=f"{dataset}.{method}",
        inputs={"seeds": f"{dataset}.seeds"},
        parameters={
            "params:spec": f"params:dataset_specs.{dataset}",
            "params:config": f"params:{name}",
            **{f"params:{key}": f"params:{key}" for key in SHARED},
        },
    )
