"""Checks before any work, and the grid that the pipelines are built for."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from guided_imagination import config, pipeline_registry
from guided_imagination.config.rows import hub_folder
from guided_imagination.pipelines.typed import GPU
from guided_imagination.utils.errors import InputError


class ProjectHooks:
    """Refuses wrong parameters and broken weights before anything is made."""

    @hook_impl(tryfirst=True)  # before MLflow's database is made
    def after_context_created(self, context: KedroContext) -> None:
        self.parameters = config.check(context.config_loader["parameters"])
        pipeline_registry.build_for(self.parameters)

    @hook_impl
    def after_catalog_created(self, catalog: DataCatalog) -> None:
        """Nodes get what is resolved: `params:<namespace>.settings`, which MLflow logs like any parameter."""
        for namespace, settings in self.parameters.settings().items():
            catalog[f"params:{namespace}.settings"] = MemoryDataset(settings.model_dump(mode="json"))

    @hook_impl(tryfirst=True)  # before an MLflow run is opened
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        _check_runner(str(run_params.get("runner")))
        models = list(_models(pipeline, self.parameters))
        if models:
            _check_models(models, self.parameters)
        if any(GPU in node.tags for node in pipeline.nodes):
            from guided_imagination.utils.workers import warm_up  # imports torch

            warm_up(self.parameters.compute)

    @hook_impl(trylast=True)  # after the MLflow run is closed
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        names = [name for name in pipeline.all_outputs() if name.count(".") == 2 and name.endswith(".failures")]
        failures = {cell: error for name in names for cell, error in catalog.load(name).items()}
        if failures:
            raise InputError(
                f"{len(failures)} cells failed ({_by_error(failures)}): "
                "all others are finished, and the same command tries only these again"
            )


def _models(pipeline: Pipeline, parameters: config.Parameters) -> Iterator[config.PretrainedModel]:
    """What expansions and audits will load."""
    for node in pipeline.nodes:
        if node.tags & {config.AUGMENT, *get_args(config.ExpandPipeline)}:
            row = parameters.row(*str(node.namespace).split("."))
            if row.expander:
                yield from (row.expander.generator, row.expander.guide)
            if row.filtered_by:
                yield row.filtered_by.guide
        elif "audit" in node.tags:
            yield parameters.guides[parameters.audit.guide]


def _check_models(models: Iterable[config.PretrainedModel], parameters: config.Parameters) -> None:
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
