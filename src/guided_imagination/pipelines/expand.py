"""`expand_mae`, `expand_dalle`, `expand_sd`, `augment_baselines`: seeds -> labelled new images."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.augmentation import AUGMENT
from guided_imagination.config.expansion import ExpandPipeline
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import RowSettings
from guided_imagination.pipelines.lazy import GPU

if TYPE_CHECKING:
    from datasets import Dataset

    from guided_imagination.expansion.store import Expansion


def create_pipeline(name: Literal["augment_baselines"] | ExpandPipeline, parameters: Parameters) -> Pipeline:
    """One namespace per dataset and method whose images the pipeline `name` makes."""
    return Pipeline(
        [
            _row(name, dataset, method, parameters)
            for dataset in parameters.places
            for method in parameters.rows_of(name)
        ]
    )


def _row(
    name: Literal["augment_baselines"] | ExpandPipeline, dataset: str, method: str, parameters: Parameters
) -> Pipeline:
    adapts = name != AUGMENT and parameters.adapts(dataset, name)
    adapted = {"adapted": f"{dataset}.{name}.adapted"} if adapts else {}
    node = Node(
        expand,
        ["seeds", "params:settings", "folder", *adapted],
        "expanded",
        name="expand",
        tags=[name] if name == AUGMENT else [name, GPU],
    )
    return Pipeline([node], namespace=f"{dataset}.{method}", inputs={"seeds": f"{dataset}.seeds", **adapted})


def expand(seeds: "Dataset", settings: RowSettings, folder: Path, adapted: dict[str, Any] | None = None) -> "Expansion":
    """New images of the seeds, in `folder`: shards that are there already are not made again."""
    from guided_imagination.expansion.expand import expand as make
    from guided_imagination.expansion.plan import plan_of
    from guided_imagination.expansion.store import Expansion

    make(folder, plan_of(seeds, settings, adapted))
    return Expansion(folder)
