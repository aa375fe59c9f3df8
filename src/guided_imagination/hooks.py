"""Checks before any work, and the grid that the pipelines are built for."""

from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Pipeline

from guided_imagination import config
from guided_imagination.weights import check_weights


class ProjectHooks:
    """Refuses wrong parameters and broken weights before anything is made."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self.parameters = config.check(context.config_loader["parameters"])
        # imported here because it imports torch: wrong parameters are refused without waiting for that
        from guided_imagination import pipeline_registry

        pipeline_registry.build_for(self.parameters)

    @hook_impl(tryfirst=True)  # before an MLflow run is opened
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline) -> None:
        tags = {tag for node in pipeline.nodes for tag in node.tags}
        for name in ("expand_mae", "expand_dalle"):
            if name in tags:
                settings: config.ExpandConfig = getattr(self.parameters, name)
                check_weights(settings.clip)
                check_weights(settings.generator.model)
