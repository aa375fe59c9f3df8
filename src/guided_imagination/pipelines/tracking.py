"""MLflow: a child run per training cell below the run of `kedro run`, and the registry of the best models."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import mlflow
import pandas as pd
import torch
from mlflow.entities import Dataset, DatasetInput, InputTag, LifecycleStage, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking.fluent import _get_experiment_id
from torch import nn

from guided_imagination.pipelines.database import database_of, explained, is_own
from guided_imagination.training.cells import Job, Run, Times
from guided_imagination.utils.errors import InputError, first_line

CARD = "model_card.md"
MOST = 1000  # that MLflow lists at once
BEST = "best"  # the alias of the version that was chosen last


@dataclass(frozen=True)
class Images:
    """What a run is trained on or measured with: where it lies, and its checksum."""

    name: str
    folder: Path
    checksum: str
    context: str  # MLflow's word for the use: training or testing

    @property
    def entity(self) -> DatasetInput:
        source = json.dumps({"uri": _located(self.folder)})
        dataset = Dataset(self.name, self.checksum, source_type="local", source=source)
        return DatasetInput(dataset, [InputTag("mlflow.data.context", self.context)])


@contextmanager
def track(job: Job, folder: Path, times: Times = (), *, inputs: Sequence[Images]) -> Iterator[Run]:
    """Open the run of a cell whose files are in `folder`, tagged so that runs can be compared in the UI.

    It begins and ends when the training did, which has ended before, or now, where the `times` are not known. A cell
    has one run: when it failed or was killed and goes on, so does its run, which keeps its beginning; when it is
    finished, its run is left as it is.
    """
    client = mlflow.MlflowClient()
    earlier = _earlier(job.key, folder)
    if earlier and earlier.info.status == RunStatus.to_string(RunStatus.FINISHED):
        yield _run(earlier.info.run_id, _known_steps(earlier.info.run_id))
        return
    if earlier:
        run_id = earlier.info.run_id
        client.update_run(run_id, RunStatus.to_string(RunStatus.RUNNING))
    else:
        run_id = _begin(client, job, folder, _milliseconds(times[0]) if times else None)
        mlflow.log_params({**asdict(job.cell), **job.recipe.model_dump(), **job.origin}, run_id=run_id)
        client.log_inputs(run_id, [images.entity for images in inputs])
    status = RunStatus.FAILED
    try:
        yield _run(run_id, _known_steps(run_id) if earlier else set())
        status = RunStatus.FINISHED
    finally:
        ended = _milliseconds(times[-1]) if times else None
        client.set_terminated(run_id, RunStatus.to_string(status), ended)


def _begin(client: mlflow.MlflowClient, job: Job, folder: Path, started: int | None) -> str:
    """A run of the cell, of the same user and program as the run of `kedro run`."""
    parent = mlflow.active_run()
    tags = {key: str(value) for key, value in asdict(job.cell).items()}
    tags |= {"key": job.key, "folder": _located(folder)}
    if parent:
        known = parent.data.tags.items()
        tags |= {key: value for key, value in known if key.startswith(("mlflow.user", "mlflow.source."))}
        tags["mlflow.parentRunId"] = parent.info.run_id
    experiment = parent.info.experiment_id if parent else str(_get_experiment_id())
    run: str = client.create_run(experiment, started, tags, job.cell.title).info.run_id
    return run


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def _located(folder: Path) -> str:
    """Where a folder lies: in the project, where that has a database of its own, which may be moved with it."""
    root = Path.cwd()
    places = [Path(os.path.normpath(root / folder)), folder.resolve()]
    if is_own(database_of(mlflow.get_tracking_uri(), root), root):
        inside = (place.relative_to(root).as_posix() for place in places if place.is_relative_to(root))
        return next(inside, str(places[1]))
    return str(places[1])


def _earlier(key: str, folder: Path) -> Any | None:
    runs = mlflow.search_runs(filter_string=f"tags.key = '{key}'", output_format="list")
    places = {_located(folder), str(folder.resolve())}  # the second where `data` is a link, up to 0.5.0
    return next((run for run in runs if run.data.tags.get("folder") in places), None)


def _known_steps(run_id: str) -> set[tuple[str, int]]:
    client = mlflow.MlflowClient()
    names = client.get_run(run_id).data.metrics
    return {(name, metric.step) for name in names for metric in client.get_metric_history(run_id, name)}


def _run(run_id: str, known: set[tuple[str, int]]) -> Run:
    def log(metrics: dict[str, float], step: int, when: float | None = None) -> None:
        new = {name: value for name, value in metrics.items() if (name, step) not in known}
        if new:
            mlflow.log_metrics(new, step, run_id=run_id, timestamp=None if when is None else _milliseconds(when))

    return Run(run_id, log)


@dataclass(frozen=True)
class Sheet:
    """What a classifier needs beside its weights: class names, how images become square, a card for readers."""

    classes: list[str]
    resolution: int
    fit: Literal["crop", "squeeze"]
    card: str
    version: int = 0  # in the registry; 0: not yet there

    @property
    def metadata(self) -> dict[str, Any]:
        return {"classes": self.classes, "resolution": self.resolution, "fit": self.fit}


def register(
    name: str, model: nn.Module, pixels: torch.Tensor, run_id: str, tags: dict[str, str], sheet: Sheet
) -> None:
    """Log `model`, which takes images like `pixels`, in the run that trained it and register it as `name`.

    The card is its description, and the artifact CARD of the run.
    Where the tracking store does not know that run, or not any more, the model has a run of its own with these
    tags. It is kept as a graph of torch.export, without pickled code. A model with the same tags is not registered
    again; it is the best all the same, whatever came later.
    """
    client = mlflow.MlflowClient()
    versions = client.search_model_versions(f"name = '{name}'")
    for version in versions:
        if tags.items() <= version.tags.items():
            client.set_registered_model_alias(name, BEST, version.version)
            return
    known = _known(client, run_id)
    try:
        with mlflow.start_run(
            known.info.run_id if known else None,
            run_name=None if known else name,
            nested=True,
            tags=None if known else tags,
        ):
            logged = mlflow.pytorch.log_model(
                model.eval(),
                name="model",
                input_example=pixels.numpy(),
                serialization_format="pt2",
                pip_requirements=[f"torch=={torch.__version__.split('+')[0]}"],
                metadata=sheet.metadata,
            )
            mlflow.log_text(sheet.card, CARD)
    finally:
        if known:  # it ended when its training did
            client.set_terminated(known.info.run_id, known.info.status, known.info.end_time)
    version = mlflow.register_model(logged.model_uri, name)
    client.update_model_version(name, version.version, description=sheet.card)
    for key, value in tags.items():
        client.set_model_version_tag(name, version.version, key, value)
    client.set_registered_model_alias(name, BEST, version.version)


def registered(name: str) -> tuple[Callable[[torch.Tensor], torch.Tensor], Sheet]:
    """The best classifier that is registered as `name`. Raises InputError if there is none, or it has no sheet."""
    client = mlflow.MlflowClient()
    known = [model.name for model in client.search_registered_models(max_results=MOST)]
    versions = client.search_model_versions(f"name = '{name}'") if name in known else []
    if not versions:
        others = ", ".join(known)
        raise InputError(
            f"there is no trained classifier of {name} yet "
            f"({f'but of {others}' if others else 'nor of any other dataset'}): "
            "kedro run trains some and registers the best, where there are validation images to choose by"
        )
    newest = max(versions, key=lambda version: int(version.version))
    chosen = client.get_registered_model(name).aliases.get(BEST)  # which older code has not set
    best = client.get_model_version(name, chosen) if chosen else newest
    uri = f"models:/{name}/{best.version}"
    try:
        metadata = mlflow.models.get_model_info(uri).metadata
        if not metadata:
            raise InputError(
                f"version {best.version} of {name} is of guided-imagination 0.4.0 or older, without the names of its "
                f"classes: delete it in the registry, and kedro run --pipelines train registers it again"
            )
        with TemporaryDirectory() as copy:
            # MLflow takes a % in the path of the project for the beginning of a code
            model = mlflow.pytorch.load_model(uri, dst_path=copy if "%" in str(Path.cwd()) else None)
    except (MlflowException, OSError) as error:
        if explained(error):
            raise
        raise InputError(
            f"the files of version {best.version} of {name} are not where MLflow has it ({first_line(error)}): bring "
            "them back, or delete it in the registry, and kedro run --pipelines train registers it again"
        ) from error
    return model, Sheet(**metadata, card=best.description or "", version=int(best.version))


def _known(client: mlflow.MlflowClient, run_id: str) -> Any | None:
    try:
        run = client.get_run(run_id)
    except MlflowException:
        return None
    return run if run.info.lifecycle_stage == LifecycleStage.ACTIVE else None


def log_table(table: pd.DataFrame, name: str) -> None:
    """Show `table` in the MLflow UI under the run of `kedro run`."""
    mlflow.log_table(table, f"{name}.json")
