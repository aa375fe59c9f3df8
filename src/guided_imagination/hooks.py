"""Checks before any work, and the grid that the pipelines are built for."""

import json
import logging
import os
import shlex
import shutil
import sys
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast, get_args

from kedro.config import MissingConfigException
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
from guided_imagination.config.rows import hub_folder
from guided_imagination.pipelines import database
from guided_imagination.pipelines.lazy import GPU
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_writable

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


TABLE = ".accuracy_table"
PAGE = "report.page"


class ProjectHooks:
    """Refuses wrong parameters and broken weights before anything is made; ends with what a reader looks for."""

    nodes, begun = 0, 0  # of this run

    @hook_impl(wrapper=True, tryfirst=True)  # around MLflow's, which makes its database
    def after_context_created(self, context: KedroContext) -> Generator[None, object, object]:
        """All that opens a project works in its root: what parameters and MLflow's database name is relative to it."""
        os.chdir(context.project_path)
        self.parameters = check(context.config_loader["parameters"])
        pipeline_registry.build_for(self.parameters)
        with _mlflow_set_up(context):
            return (yield)

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
        self.env, self.tables = run_params.get("env"), dict[str, str]()
        # Kedro leaves out what is there when the run has begun
        self.nodes, self.begun = 0 if run_params.get("only_missing_outputs") else len(pipeline.nodes), 0
        _check_places(pipeline, catalog)
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
        self.begun += 1
        logger.info("Running node: %s%s", node.name, f" ({self.begun} of {self.nodes})" if self.nodes else "")

    @hook_impl
    def after_node_run(self, outputs: dict[str, Any]) -> None:
        made = {name.removesuffix(TABLE): table for name, table in outputs.items() if name.endswith(TABLE)}
        self.tables |= {name: table.markdown() for name, table in made.items()}

    @hook_impl(trylast=True)  # after the MLflow run is closed, and after Kedro's last line
    def after_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        if any(self.tables.values()):
            logger.info("%s", "\n".join(self._last_words(pipeline, catalog)))
        names = [name for name in pipeline.all_outputs() if name.count(".") == 2 and name.endswith(".failures")]
        failures = {cell: error for name in names for cell, error in catalog.load(name).items()}
        if failures:
            raise InputError(
                f"{len(failures)} training runs failed ({_by_error(failures)}): "
                "the others are finished; the same command retries only these"
            )

    def _last_words(self, pipeline: Pipeline, catalog: DataCatalog) -> Iterator[str]:
        """The tables that this run has made, where its page is, and the command that uses what it trained."""
        for dataset, table in self.tables.items():
            yield f"{dataset}:\n\n{table}"
        if PAGE not in pipeline.all_outputs():
            return
        yield f"Report with all tables, figures and images: {_short(cast(Path, _filepath(catalog, PAGE)))}"
        chosen = next(
            (name for name in self.tables if catalog.exists(best := f"{name}.best") and catalog.load(best)), None
        )
        if chosen:
            yield f"Next, classify an image: {_predict(chosen, self.env)}"


def _predict(dataset: str, env: str | None) -> str:
    name = "guided-imagination"
    known = shutil.which(name) is not None  # which it is not where `make run` has made the environment
    command = name if known else str(_short(Path(sys.executable).with_name(name)))
    return shlex.join([command, "predict", *(["--env", env] if env else []), "--dataset", dataset, "IMAGE"])


def _short(path: Path) -> Path:
    """`path` as it is named from here."""
    return path.relative_to(here) if path.is_relative_to(here := Path.cwd()) else path


def _check_places(pipeline: Pipeline, catalog: DataCatalog) -> None:
    """Raises InputError where an output could not be written, which would be found out after the work for it."""
    found = [_filepath(catalog, name) for name in sorted(pipeline.all_outputs())]
    for path in {path.parent: path for path in found if path}.values():
        check_writable(path)


def _filepath(catalog: DataCatalog, name: str) -> Path | None:
    """Where a dataset lies; None of one in memory."""
    path = cast(Any, catalog.get(name))._describe().get("filepath")
    return Path(path) if path else None


@contextmanager
def _mlflow_set_up(context: KedroContext) -> Iterator[None]:
    """Raises InputError where MLflow cannot open the store that `mlflow.yml` names."""
    loader, root = context.config_loader, Path.cwd()
    cast(Any, loader).config_patterns.setdefault("mlflow", ["mlflow*", "mlflow*/**", "**/mlflow*"])
    try:
        settings = loader["mlflow"]
    except MissingConfigException:
        settings = {}
    server, tracking = settings.get("server") or {}, settings.get("tracking") or {}
    uri = server.get("mlflow_tracking_uri") or ""
    experiment = (tracking.get("experiment") or {}).get("name") or str(context._package_name)
    if uri:
        loader["mlflow"] = {**settings, "server": {**server, "mlflow_tracking_uri": database.absolute(uri, root)}}
    with database.setting_up(uri, experiment, root):
        yield


def _check_weeds(pipeline: Pipeline, parameters: Parameters, catalog: DataCatalog) -> None:
    """Raises InputError for lists of images to weed that cannot be read, or name what is not there."""
    readers = [node for node in pipeline.nodes if node.tags & {"train", "export", "report"}]
    read = {name for node in readers for name in node.inputs if name.endswith(".expanded")}
    read -= pipeline.all_outputs() if parameters.overwrite else set()  # those will be others
    for name in sorted(read):
        row = parameters.row(*name.split(".")[:2])
        if row.spec.weed:
            from guided_imagination.expansion import weeding  # imports what a run without lists need not wait for

            weeding.check(catalog.load(name), row, parameters.expanded())


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
            yield from own.training.models if own else [parameters.dataset(place).references[row].guide]


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
                f"--runner {name} is not supported, because it would change or lose results: to run methods side by "
                "side, start one process for each with kedro run --namespaces DATASET.METHOD"
            )


def _by_error(failures: Mapping[str, str]) -> str:
    errors = dict.fromkeys(failures.values())
    return "; ".join(f"{error}: {', '.join(cell for cell in failures if failures[cell] == error)}" for error in errors)
