"""`adapt`: seeds -> a generator fine-tuned on them, where settings ask for it."""

from typing import get_args

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import ExpandPipeline, Parameters
from guided_imagination.pipelines.adapt import nodes
from guided_imagination.pipelines.typed import typed

SHARED = ["generators", "guides", "criteria_sets", "compute", "models_dir", "seed"]


def create_pipeline(parameters: Parameters) -> Pipeline:
    """One namespace per dataset and expanding pipeline that has rows and whose `adapt` is not null."""
    pipelines: list[ExpandPipeline] = [name for name in get_args(ExpandPipeline) if parameters.rows_of(name)]
    return Pipeline(
        [
            _adaptation(dataset, pipeline)
            for dataset in parameters.datasets
            for pipeline in pipelines
            if parameters.expander(dataset, pipeline).config.adapt is not None
        ]
    )


def _adaptation(dataset: str, pipeline: ExpandPipeline) -> Pipeline:
    node = Node(
        typed(nodes.adapt, dataset=dataset, pipeline=pipeline),
        ["seeds", "params:spec", "params:config", *(f"params:{key}" for key in SHARED)],
        "adapted",
        name="adapt",
        tags="adapt",
    )
    return Pipeline(
        [node],
        namespace=f"{dataset}.{pipeline}",
        inputs={"seeds": f"{dataset}.seeds"},
        parameters={
            "params:spec": f"params:dataset_specs.{dataset}",
            "params:config": f"params:{pipeline}",
            **{f"params:{key}": f"params:{key}" for key in SHARED},
        },
    )
