"""Checks before any work, and the grid that the pipelines are built for."""

from collections.abc import Mapping
from typing import Any, get_args

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from guided_imagination import config
from guided_imagination.models.weights import hub_folder, locate_whole
from guided_imagination.utils.errors import InputError


class ProjectHooks:
    """Refuses wrong parameters and broken weights before anything is made."""

    @hook_impl(tryfirst=True)  # before MLflow's database is made
    def after_context_created(self, context: KedroContext) -> None:
        self.parameters = config.check(context.config_loader["parameters"])
        # imported here because it imports torch: wrong parameters are refused without waiting for that
        from guided_imagination import pipeline_registry

        pipeline_registry.build_for(self.parameters)

    @hook_impl(tryfirst=True)  # before an MLflow run is opened
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        from guided_imagination.models.device import place

        for name in get_args(config.ExpandPipeline):
            nodes = [node for node in pipeline.nodes if name in node.tags]
            for dataset, method in (str(node.namespace).split(".") for node in nodes):
                expander = self.parameters.expander(dataset, name, method)
                for model in (expander.generator, expander.guide):
                    locate_whole(model, hub_folder(self.parameters.models_dir))
            if nodes:
                place(self.parameters.compute)
        if any("audit" in node.tags for node in pipeline.nodes):
            guide = self.parameters.guides[self.parameters.audit.guide]
            locate_whole(guide, hub_folder(self.parameters.models_dir))

    @hook_impl(trylast=True)  # after the MLflow run is closed
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        names = [name for name in pipeline.all_outputs() if name.count(".") == 2 and name.endswith(".failures")]
        failures = {cell: error for name in names for cell, error in catalog.load(name).items()}
        if failures:
            raise InputError(
                f"{len(failures)} cells failed ({_by_error(failures)}): "
                "all others are finished, and the same command tries only these again"
            )


def _by_error(failures: Mapping[str, str]) -> str:
    errors = dict.fromkeys(failures.values())
    return "; ".join(f"{error}: {', '.join(cell for cell in failures if failures[cell] == error)}" for error in errors)
