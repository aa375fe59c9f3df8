"""`adapt`: seeds -> a generator fine-tuned on them, where settings ask for it."""

from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.expansion import ExpandPipeline
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import AdaptSettings
from guided_imagination.pipelines.lazy import GPU

if TYPE_CHECKING:
    from datasets import Dataset


def create_pipeline(parameters: Parameters) -> Pipeline:
    """One namespace per dataset and expanding pipeline that has rows and whose `adapt` is not null."""
    node = Node(adapt, ["seeds", "params:settings"], "adapted", name="adapt", tags=["adapt", GPU])
    return Pipeline(
        [
            Pipeline([node], namespace=f"{dataset}.{pipeline}", inputs={"seeds": f"{dataset}.seeds"})
            for dataset in parameters.places
            for pipeline in get_args(ExpandPipeline)
            if parameters.adapts(dataset, pipeline)
        ]
    )


def adapt(seeds: "Dataset", settings: AdaptSettings) -> dict[str, Any]:
    """A generator fine-tuned on the seeds: where its weights are, and their checksum."""
    from guided_imagination.generators.adaptation import adapt as adaptation
    from guided_imagination.utils.workers import call

    return call(partial(adaptation.adapt, seeds, settings), settings.compute)
