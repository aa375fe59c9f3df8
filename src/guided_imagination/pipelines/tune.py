"""`tune`: seeds and validation images -> the learning rate and weight decay that every row trains with."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import DatasetSettings
from guided_imagination.pipelines.lazy import GPU
from guided_imagination.utils.errors import InputError

if TYPE_CHECKING:
    from datasets import Dataset


def create_pipeline(parameters: Parameters) -> Pipeline:
    """One namespace per dataset; it needs no test image, so it gets none."""
    inputs = ["seeds", "validation", "params:settings"]
    node = Node(tune, inputs, "tuned", name="tune", tags=["tune", GPU])
    return Pipeline([Pipeline([node], namespace=dataset) for dataset in parameters.places])


def tune(seeds: "Dataset", validation: "Dataset", settings: DatasetSettings) -> dict[str, Any]:
    """Learning rate and weight decay by architecture and recipe, chosen on the validation images."""
    from guided_imagination.pipelines import tracking
    from guided_imagination.training import grid
    from guided_imagination.training.cells import begin_row
    from guided_imagination.training.sources import Sources

    dataset = settings.dataset
    if not len(validation):
        raise InputError(
            f"tune: {dataset} has no validation images to choose with: set dataset_specs.{dataset}.validation_per_class"
        )
    tried = grid.candidates(settings.tune_recipe, settings.tune)
    architectures = settings.training.grid.architectures
    cells = grid.search_cells(dataset, settings.draw, architectures, tried, settings.tune.seeds)
    results, failures = begin_row(
        cells,
        Sources(seeds, None, validation, validation, "validation", settings.spec.resolution),
        settings.training.model_copy(update={"recipes": dict.fromkeys(architectures, tried)}),
        models=Path(settings.models_dir),
        hub=settings.hub,
        compute=settings.compute,
        track=partial(tracking.track, inputs=[]),
    ).finish()
    if failures:
        raise InputError(f"tune: {'; '.join(f'{name}: {error}' for name, error in failures.items())}")
    return grid.choose(results, tried, settings.tune)
