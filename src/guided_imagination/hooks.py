"""Checks before any work, and the grid that the pipelines are built for."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast, get_args

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from guided_imagination import pipeline_registry
from guided_imagination.config.augmentation import AUGMENT
from guided_imagination.config.checking import check
from guided_imagination.config.expansion import ExpandPipeline
from guided_imagination.config.models import PretrainedModel
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import RowSettings, hub_folder
from guided_imagination.pipelines.lazy import GPU
from guided_imagination.utils.errors import InputError

logger = logging.getLogger(__name__)
# That the experiment is about training, for what of MLflow asks; and a link to `#/experiments/ID/runs` with
# `?workflowType=machine_learning&viewStateShareKey=accuracy` shows its cells as VIEW says, the most accurate first.
COLUMNS = [
    *(f"tags.`{name}`" for name in ("method", "ratio", "recipe", "seed")),
    "metrics.`accuracy`",
    "metrics.`macro_f1`",
]
VIEW = {
    "searchFilter": "tags.key LIKE '%'",
    "orderByKey": "metrics.`accuracy`",
    "orderByAsc": False,
    "selectedColumns": ["attributes.`Duration`", *COLUMNS],
}
EXPERIMENT = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.sharedViewState.accuracy": json.dumps(VIEW),
}
# what the workers of all nodes import, once, before processes are forked
PRELOAD = (
    "guided_imagination.expansion.expand",
    "guided_imagination.generators.loading",
    "guided_imagination.training.cells",
)


class ProjectHooks:
    """Refuses wrong parameters and broken weights before anything is made."""

    @hook_impl(tryfirst=True)  # before MLflow's database is made
    def after_context_created(self, context: KedroContext) -> None:
        self.parameters = check(context.config_loader["parameters"])
        pipeline_registry.build_for(self.parameters)

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Nodes get what was checked: each section of the parameters, and `params:<namespace>.settings`, resolved."""
        resolved = {f"{namespace}.settings": settings for namespace, settings in self.parameters.settings.items()}
        generators = {f"generators.{name}": generator for name, generator in self.parameters.generators.items()}
        for name, value in {**dict(self.parameters), **generators, **resolved}.items():
            catalog[f"params:{name}"] = MemoryDataset(value, copy_mode="assign")

    @hook_impl(tryfirst=True)  # before an MLflow run is opened
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        _check_runner(str(run_params.get("runner")))
        _check_weeds(pipeline, self.parameters, catalog)
        models = list(_models(pipeline, self.parameters))
        if models:
            _check_models(models, self.parameters)
        if any(GPU in node.tags for node in pipeline.nodes):
            from guided_imagination.utils.workers import warm_up  # imports torch

            warm_up(self.parameters.compute, PRELOAD)
        if any("train" in node.tags for node in pipeline.nodes):
            import mlflow

            mlflow.set_experiment_tags(EXPERIMENT)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        logger.info("Running node: %s", node.name)

    @hook_impl(trylast=True)  # after the MLflow run is closed
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        names = [name for name in pipeline.all_outputs() if name.count(".") == 2 and name.endswith(".failures")]
        failures = {cell: error for name in names for cell, error in catalog.load(name).items()}
        if failures:
            raise InputError(
                f"{len(failures)} cells failed ({_by_error(failures)}): "
                "all others are finished, and the same command tries only these again"
            )


def _check_weeds(pipeline: Pipeline, parameters: Parameters, catalog: DataCatalog) -> None:
    """Raises InputError for lists of images to weed that cannot be read, or name what is not there."""
    readers = [node for node in pipeline.nodes if node.tags & {"train", "export", "report"}]
    read = {name for node in readers for name in node.inputs if name.endswith(".expanded")}
    read -= pipeline.all_outputs() if parameters.overwrite else set()  # those will be others
    found: dict[str, list[RowSettings]] = {}
    for name in sorted(read):
        place, method, _ = name.split(".")
        row = parameters.row(place, method)
        if row.spec.weed:
            found.setdefault(row.dataset, []).append(row)
    for dataset, rows in found.items():
        from guided_imagination.expansion import weeding  # imports what a run without lists need not wait for

        expanded = [
            (catalog.load(f"{row.place}.{row.method}.expanded"), row.draw, row.method, row.ratio) for row in rows
        ]
        weeding.check(rows[0].spec.weed, dataset, parameters.expanded(), expanded)


def _models(pipeline: Pipeline, parameters: Parameters) -> Iterator[PretrainedModel]:
    """What fine-tunings, expansions, audits and trainings will load."""
    for node in pipeline.nodes:
        place, _, row = str(node.namespace).partition(".")
        if node.tags & {AUGMENT, *get_args(ExpandPipeline)}:
            yield from parameters.row(place, row).makers
        elif node.name == "plan" and parameters.plan.speeds is None:
            for place in parameters.places:
                for method in parameters.methods:
                    yield from parameters.row(place, method).models
        elif "adapt" in node.tags:
            yield from parameters.adaptation(place, cast(ExpandPipeline, row)).expander.models
        elif "audit" in node.tags:
            yield parameters.dataset(place).audit_guide
        elif "tune" in node.tags and not row:
            yield from parameters.dataset(place).searched_models
        elif "train" in node.tags and row:
            own = parameters.row(place, row) if row in parameters.methods else None
            yield from own.training.models if own else filter(None, [parameters.dataset(place).zero_shot])


def _check_models(models: Iterable[PretrainedModel], parameters: Parameters) -> None:
    """Raises InputError for weights that are missing or not whole, and for a device that this machine should have."""
    from guided_imagination.models.device import place  # imports torch
    from guided_imagination.models.weights import locate_whole

    if parameters.compute.workers.engine == "local":
        place(parameters.compute)
    for model in models:
        locate_whole(model, hub_folder(parameters.models_dir))


def _check_runner(runner: str) -> None:
    """Raises InputError for ThreadRunner, whose threads share one random state, and for ParallelRunner."""
    for name in ("ThreadRunner", "ParallelRunner"):
        if name in runner:
            raise InputError(
                f"--runner {name} is not for this project, whose results it would change or lose: run rows side "
                "by side instead, each in a process of its own, by kedro run --namespaces DATASET.METHOD"
            )


def _by_error(failures: Mapping[str, str]) -> str:
    errors = dict.fromkeys(failures.values())
    return "; ".join(f"{error}: {', '.join(cell for cell in failures if failures[cell] == error)}" for error in errors)
