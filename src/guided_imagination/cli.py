"""`kedro run`, where a mistake of a user ends in one sentence instead of a traceback, and `kedro reproduce`."""

import os
import traceback
from pathlib import Path
from typing import Any

import click
import kedro.runner
import yaml
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.io.core import DatasetError
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from guided_imagination.pipelines import database
from guided_imagination.pipelines.configuration import unreadable
from guided_imagination.utils.errors import InputError

RUNNERS = Path(kedro.runner.__file__).parent


def explain(error: BaseException) -> str | None:
    """The sentence for an error that the user can mend, None for a fault of the program."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return str(cause)
        if isinstance(cause, MissingConfigException):
            return f"there is no project in {Path.cwd()}: go to one, or make one by guided-imagination new NAME"
        if isinstance(cause, FileNotFoundError) and isinstance(error, DatasetError):
            return f"{cause}: run the pipeline that makes it first (kedro run makes all of the main job)"
        cause = cause.__cause__
    if sentence := database.explained(error):
        return sentence
    # kedro refuses unknown pipelines, namespaces, nodes and kinds of data with these before its runner starts
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, ValidationError):  # of what kedro-mlflow is told
        first = error.errors()[0]
        return f"mlflow.yml: {'.'.join(map(str, first['loc']))}: {first['msg'][0].lower()}{first['msg'][1:]}"
    running = any(RUNNERS in Path(frame.filename).parents for frame in frames)
    if isinstance(error, ValueError | DatasetError) and not running:
        return " ".join(str(error).split())
    return None


class ExplainedCommand(click.Command):
    """A command with explained errors."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Kedro reads --params and the file of --config here."""
        try:
            return super().parse_args(ctx, args)
        except (yaml.YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
            file = getattr(getattr(error, "problem_mark", None), "name", "<")  # that of --config
            raise click.ClickException(unreadable("--params" if file[0] == "<" else Path(file), error)) from error
        except (AttributeError, KeyError, TypeError) as error:
            raise click.ClickException(
                "--config: needed: a file with `run:`, and options of kedro run below"
            ) from error

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            raise click.ClickException(sentence) from error


@click.group(name=__package__)
def cli() -> None:
    """Commands of this project."""


cli.add_command(
    ExplainedCommand(
        name="run",
        callback=kedro_run.callback,
        params=kedro_run.params,
        help=kedro_run.help,
        context_settings=kedro_run.context_settings,
    )
)


@cli.command(cls=ExplainedCommand)
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--dataset", help="Use the classifier of this dataset.  [default: the first of the parameter `datasets`]")
@click.option("--top", default=3, show_default=True, type=click.IntRange(min=1), help="Number of classes to show.")
def predict(images: tuple[Path, ...], dataset: str | None, top: int, env: str | None, params: dict[str, Any]) -> None:
    """Classify IMAGES with the best classifier of a dataset: classes and probabilities in percent."""
    from kedro.framework.session import KedroSession

    from guided_imagination import config

    here = Path.cwd()
    session = KedroSession.create(env=env, runtime_params=params)
    with session:
        context = session.load_context()  # goes to the project's root, and tells MLflow where its registry is
    from guided_imagination.pipelines import tracking
    from guided_imagination.training.model_selection import predict

    name = dataset or config.check(context.params).datasets[0]
    classify, sheet = tracking.registered(name)
    os.chdir(here)  # where the names of images were typed
    found = predict(classify, images, sheet.classes, resolution=sheet.resolution, fit=sheet.fit, top=top)
    click.echo(f"by version {sheet.version} of the classifier of {name}", err=True)
    for path, classes in zip(images, found, strict=True):
        click.echo(f"{path}: " + ", ".join(f"{name} {100 * share:.1f}" for name, share in classes))


predict.params += [option for option in kedro_run.params if option.name in ("env", "params")]


@click.command(cls=ExplainedCommand)
@click.argument("name", type=click.Path(path_type=Path))
def new(name: Path) -> None:
    """Create a project folder NAME for your own images."""
    from guided_imagination.config.project import new_project

    new_project(name)
    click.echo(
        f"Put images into {name}/data/01_raw/{name.name}/CLASS/, one folder per class; then see {name}/README.md."
    )


@cli.command(cls=ExplainedCommand)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="A new folder for the reproduced expansion.")
@click.option("--check", is_flag=True, help="Fail unless the bytes are the same.")
@click.option("--images", help="The folder of images that guided-imagination expand was given.")
@click.option("--workers", type=int, help="Processes.  [default: one per GPU, or as many as the cores allow]")
def reproduce(folder: Path, out: Path | None, check: bool, images: str | None, workers: int | None) -> None:
    """Make the expansion in FOLDER, or of what was exported there, again from the settings in its manifest.

    Give --out, --check, or both. Paths in the manifest are looked up from the folder that you are in.
    """
    if out is None and not check:
        raise click.UsageError("give --out NEW to keep the result, --check to compare it, or both")
    from guided_imagination.api import reproducing  # imports torch

    compared = reproducing.reproduce(folder, out, check=check, images=images, workers=workers)
    same = 0
    for file, there, here in compared.itertuples(index=False):
        same += there == here
        click.echo(f"{file}: {there} there, {here} here: {'the same' if there == here else 'OTHER'}")
    click.echo(f"same bytes: {same} of {len(compared)} shards")
