"""`expand_mae`, `expand_dalle` and `expand_sd`: seeds -> imagined images, guided and unguided."""

from kedro.pipeline import Node, Pipeline

from guided_imagination.config import ExpandPipeline, Method, Parameters
from guided_imagination.pipelines.expand import nodes
from guided_imagination.pipelines.typed import typed

SHARED = [
    "generators",
    "guides",
    "criteria_sets",
    "image_files",
    "compute",
    "ratio",
    "seed",
    "overwrite",
    "models_dir",
]


def create_pipeline(name: ExpandPipeline, parameters: Parameters) -> Pipeline:
    """One namespace per dataset and method of the pipeline `name`, whose settings have its name."""
    return Pipeline(
        [
            _expansion(name, dataset, method, parameters.methods[method], parameters.adapts(dataset, name))
            for dataset in parameters.datasets
            for method in parameters.rows_of(name)
        ]
    )


def _expansion(name: ExpandPipeline, dataset: str, method: str, row: Method, adapts: bool) -> Pipeline:
    shared = [f"params:{key}" for key in SHARED]
    inputs = {"seeds": f"{dataset}.seeds", **({"adapted": f"{dataset}.{name}.adapted"} if adapts else {})}
    make = Node(
        typed(nodes.plan, pipeline=name, method=method, row=row),
        ["seeds", "params:spec", "params:config", *shared, *(["adapted"] if adapts else [])],
        "expanded",
        name="expand",
        tags=name,
    )
    return Pipeline(
        [make],
        namespace=f"{dataset}.{method}",
        inputs=inputs,
        parameters={
            "params:spec": f"params:dataset_specs.{dataset}",
            "params:config": f"params:{name}",
            **{key: key for key in shared},
        },
    )
