"""`augment_baselines`: seeds -> as many augmented images as the generators make."""

from collections.abc import Iterable, Mapping

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import Method
from guided_imagination.pipelines.augment_baselines import nodes
from guided_imagination.pipelines.typed import typed

PARAMETERS = ["augment_baselines", "image_files", "ratio", "seed", "overwrite"]


def create_pipeline(datasets: Iterable[str], methods: Mapping[str, Method]) -> Pipeline:
    """One namespace per dataset and baseline."""
    return Pipeline(
        [
            Pipeline(
                [
                    Node(
                        typed(nodes.plan, method=method),
                        ["seeds", "params:spec", *(f"params:{key}" for key in PARAMETERS)],
                        "expanded",
                        name="expand",
                        tags="augment_baselines",
                    )
                ],
                namespace=f"{dataset}.{method}",
                inputs={"seeds": f"{dataset}.seeds"},
                parameters={
                    "params:spec": f"params:dataset_specs.{dataset}",
                    **{f"params:{key}": f"params:{key}" for key in PARAMETERS},
                },
            )
            for dataset in datasets
            for method, row in methods.items()
            if row.pipeline == "augment_baselines"
        ]
    )
