"""The project's pipelines: one namespace per dataset and method, from the lists in the parameters."""

from typing import get_args

from kedro.framework.project import settings
from kedro.pipeline import Pipeline

from guided_imagination.config import AUGMENT, ExpandPipeline, Parameters, check
from guided_imagination.pipelines import (
    adapt,
    audit,
    expand,
    export,
    ingest,
    pretrain,
    report,
    train,
    tune,
    verify,
)

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
    """Pipelines by name; `kedro run` runs those of the main job, `verify`, `export` and `pretrain` stand apart."""
    parameters = _parameters or _base_parameters()
    places, methods = list(parameters.places), parameters.methods
    main = {
        "ingest": ingest.create_pipeline(places),
        "adapt": adapt.create_pipeline(parameters),
        **{name: expand.create_pipeline(name, parameters) for name in (*get_args(ExpandPipeline), AUGMENT)},
        "train": train.create_pipeline(parameters),
        "audit": audit.create_pipeline(places, methods),
        "report": report.create_pipeline(parameters, [train.ZERO_SHOT] if parameters.train.zero_shot else []),
    }
    search = tune.create_pipeline(parameters)
    if parameters.train.tuned:
        main["tune"] = search
    apart = {
        "tune": search,
        "verify": verify.create_pipeline(places, methods),
        "export": export.create_pipeline(places, parameters.exported()),
        "pretrain": pretrain.create_pipeline(),
    }
    return {**main, **apart, "__default__": Pipeline(list(main.values()))}
