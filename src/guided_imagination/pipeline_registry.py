"""The project's pipelines: one namespace per dataset and method, from the lists in the parameters."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from kedro.framework.project import settings
from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from guided_imagination.config.augmentation import AUGMENT
from guided_imagination.config.checking import check
from guided_imagination.config.defaults import defaults
from guided_imagination.config.expansion import ExpandPipeline
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.pipelines import (
    adapt,
    audit,
    expand,
    export,
    ingest,
    plan,
    pretrain,
    report,
    train,
    tune,
    verify,
)
from guided_imagination.pipelines.lazy import viz_is_running

STAGES = "stages"
STAGE_OF = {AUGMENT: "expand", **dict.fromkeys(get_args(ExpandPipeline), "expand")}

_parameters: Parameters | None = None


def build_for(parameters: Parameters) -> None:
    """Build the pipelines for these parameters' datasets and methods (called before kedro asks for them)."""
    global _parameters
    _parameters = parameters


def pretraining() -> PretrainConfig:
    """What the pipelines are built for, or what ships, where none are.

    Not what is in the project's files: another loader would take the place of the one that asks, as resolvers are the
    process's.
    """
    return _parameters.pretrain if _parameters else check(defaults()).pretrain


def base_parameters() -> dict[str, Any]:
    """Those of conf/base (and conf/local) as they are written, for commands that open no session."""
    source = Path(find_kedro_project(Path.cwd()) or "", settings.CONF_SOURCE)
    loader = settings.CONFIG_LOADER_CLASS(conf_source=str(source), **settings.CONFIG_LOADER_ARGS)
    return dict(loader["parameters"])


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name; `kedro run` runs those of the main job, `verify`, `export` and `pretrain` stand apart."""
    parameters = _parameters or check(base_parameters())
    places, methods = list(parameters.places), parameters.methods
    main = {
        "ingest": ingest.create_pipeline(places),
        "adapt": adapt.create_pipeline(parameters),
        **{name: expand.create_pipeline(name, parameters) for name in (*get_args(ExpandPipeline), AUGMENT)},
        "train": train.create_pipeline(parameters),
        "audit": audit.create_pipeline(places, methods),
        "report": report.create_pipeline(parameters, list(parameters.train.references)),
    }
    search = tune.create_pipeline(parameters)
    if parameters.train.tuned:
        main["tune"] = search
    apart = {
        "tune": search,
        "plan": main["ingest"] + plan.create_pipeline(parameters),
        "verify": verify.create_pipeline(places, methods),
        "export": export.create_pipeline(places, parameters.exported()),
        "split": pretrain.create_split_pipeline(),
        "pretrain": pretrain.create_pipeline(),
    }
    pipelines = {**main, **apart, "__default__": Pipeline(list(main.values()))}
    return {**pipelines, STAGES: _in_stages(main)} if viz_is_running() else pipelines


def _in_stages(main: Mapping[str, Pipeline]) -> Pipeline:
    """The main job for Kedro-Viz, a box for each stage instead of one for each dataset; not to be run."""
    nodes = [
        node._copy(namespace=f"{STAGE_OF.get(name, name)}.{node.namespace or name}")
        for name, pipeline in main.items()
        for node in pipeline.nodes
    ]
    return Pipeline(nodes)
