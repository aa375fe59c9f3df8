"""The project's pipelines: one namespace per dataset and method, from the lists in the parameters."""

from kedro.framework.project import settings
from kedro.pipeline import Pipeline

from guided_imagination.config import Parameters, check
from guided_imagination.pipelines import augment_baselines, expand, ingest, pretrain, report, train

_parameters: Parameters | None = None


def build_for(parameters: Parameters) -> None:
    """Build the pipelines for these parameters' datasets and methods (called before kedro asks for them)."""
    global _parameters
    _parameters = parameters


def _base_parameters() -> Parameters:
    """Those of conf/base, for commands that list pipelines without opening a session."""
    loader = settings.CONFIG_LOADER_CLASS(conf_source=settings.CONF_SOURCE, **settings.CONFIG_LOADER_ARGS)
    return check(loader["parameters"])


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name; `kedro run` runs the six of the main job, `pretrain` stands apart."""
    parameters = _parameters or _base_parameters()
    datasets, methods = parameters.datasets, parameters.methods
    main = {
        "ingest": ingest.create_pipeline(datasets),
        "expand_mae": expand.create_pipeline("expand_mae", datasets, methods),
        "expand_dalle": expand.create_pipeline("expand_dalle", datasets, methods),
        "augment_baselines": augment_baselines.create_pipeline(datasets, methods),
        "train": train.create_pipeline(datasets, methods),
        "report": report.create_pipeline(datasets, methods),
    }
    return {**main, "pretrain": pretrain.create_pipeline(), "__default__": Pipeline(list(main.values()))}
