"""`kedro run`, where a mistake of a user ends in one sentence instead of a traceback, and `kedro reproduce`."""

import json
import os
import shlex
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import kedro.runner
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.io.core import DatasetError
from kedro.utils import find_kedro_project

from guided_imagination.pipelines import database
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
    # kedro refuses unknown pipelines, namespaces and nodes with a ValueError before its runner starts
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, ValueError) and not any(RUNNERS in Path(frame.filename).parents for frame in frames):
        return str(error)
    return None


class ExplainedCommand(click.Command):
    """A command with explained errors."""

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
@click.option("--dataset", help="Whose classifier; the first of the parameter `datasets` if none is named.")
@click.option("--top", default=3, show_default=True, type=click.IntRange(min=1), help="How many classes to show.")
def predict(images: tuple[Path, ...], dataset: str | None, top: int, env: str | None, params: dict[str, Any]) -> None:
    """Show what the best classifier of a dataset sees in IMAGES: classes and probabilities in percent."""
    from kedro.framework.session import KedroSession

    from guided_imagination import config

    here = Path.cwd()
    session = KedroSession.create(env=env, runtime_params=params)
    with session:
        context = session.load_context()  # goes to the project's root, and tells MLflow where its registry is
    from guided_imagination.pipelines import tracking
    from guided_imagination.training.prediction import predict

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
    """Write a project folder NAME for your own images."""
    from guided_imagination.config.project import new_project

    new_project(name)
    click.echo(
        f"Put images into {name}/data/01_raw/{name.name}/CLASS/, a folder per class; {name}/README.md says what then."
    )


@cli.command(cls=ExplainedCommand)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Make it again in a temporary folder, and compare the bytes of all shards.")
@click.option("--save", type=click.Path(path_type=Path), help="Write what --params does not take to this YAML file.")
def reproduce(folder: Path, check: bool, save: Path | None) -> None:
    """The command that makes the expansion in FOLDER (or of what was exported there) again.

    It names every parameter that is not as in conf/base. With --check the expansion is made again from the first
    image on, and the command fails unless the same bytes come out.
    """
    from guided_imagination import config, pipeline_registry  # what `kedro run --help` need not wait for
    from guided_imagination.expansion.store import read_manifest

    manifest = read_manifest(folder)
    origin, raw = config.recorded(manifest), pipeline_registry.base_parameters()
    dataset, draw, method = config.row_of(origin)
    changes = config.changes(raw, origin)
    click.echo(_command(f"{config.place_of(dataset, draw)}.{method}.expanded", changes, save))
    if not check:
        return
    from guided_imagination.expansion import reproduce as again  # imports torch

    os.chdir(find_kedro_project(Path.cwd()) or ".")  # which paths in parameters are relative to
    with tempfile.TemporaryDirectory() as place:
        made = again.remake(manifest, config.check(config.merged(raw, changes)), Path(place))
    compared = again.verdict(manifest, made)
    for file, there, here in compared:
        click.echo(f"{file}: {there} there, {here} here: {'the same' if there == here else 'OTHER'}")
    first = next((file for file, there, here in compared if there != here), None)
    if first is not None:
        machine = "; ".join(again.other_machine(manifest)) or "no difference of versions or machine is known"
        raise InputError(f"other bytes: {first} is the first shard that differs ({machine})")
    click.echo(f"same bytes: {len(compared)} of {len(compared)} shards, {made['totals']['kept']} images")


def _command(output: str, changes: Mapping[str, Any], save: Path | None) -> str:
    """`kedro run` for one output, with changed parameters; in the file `save` where they do not fit in --params.

    Raises InputError where they do not and there is no such file.
    """
    texts = [_text(keys, value) for keys, value in _leaves(changes)]
    words = ["kedro", "run", "--to-outputs", output]
    if None not in texts and save is None:
        return shlex.join([*words, *(["--params", ",".join(map(str, texts))] if texts else [])])
    if save is None:
        keys, value = next(leaf for leaf, text in zip(_leaves(changes), texts, strict=True) if text is None)
        raise InputError(
            f"{'.'.join(keys)} = {value!r} is more than --params takes: give --save FILE.yml, which will have all "
            "parameters and which the command will name"
        )
    options = {"run": {"to_outputs": output, "params": changes}}
    save.write_text(json.dumps(options, indent=2) + "\n", encoding="utf-8")  # which YAML takes too
    return shlex.join(["kedro", "run", "--config", str(save)])


def _leaves(tree: Mapping[str, Any], *above: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, *above, key)
        else:
            yield (*above, key), value


def _text(keys: tuple[str, ...], value: Any) -> str | None:
    """A parameter as `--params` takes it, tried by Kedro's own reading; None if none is read as this value."""
    read = next(option for option in kedro_run.params if option.name == "params").callback
    assert read is not None
    wanted = value
    for key in reversed(keys):
        wanted = {key: wanted}
    for text in (str(value), json.dumps(value)):
        written = f"{'.'.join(keys)}={text}"
        try:
            found = read(click.Context(kedro_run), kedro_run.params[0], written)
        except Exception:  # of its parts: YAML's errors, click's
            continue
        if json.dumps(found) == json.dumps(wanted):
            return written
    return None
