"""`kedro run` as Kedro ships it, but a user's mistake ends in one sentence instead of a traceback."""

import traceback
from pathlib import Path

import click
import kedro.runner
from kedro.framework.cli.project import run as kedro_run
from kedro.io.core import DatasetError

from guided_imagination.utils.errors import InputError

RUNNERS = Path(kedro.runner.__file__).parent


def explain(error: BaseException) -> str | None:
    """The sentence for an error that the user can mend, None for a fault of the program."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, InputError):
            return str(cause)
        if isinstance(cause, FileNotFoundError) and isinstance(error, DatasetError):
            return f"{cause}: run the pipeline that makes it first (kedro run does all)"
        cause = cause.__cause__
    # kedro refuses unknown pipelines, namespaces and nodes with a ValueError before its runner starts
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, ValueError) and not any(RUNNERS in Path(frame.filename).parents for frame in frames):
        return str(error)
    return None


class RunCommand(click.Command):
    """The command `run` with explained errors."""

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
    RunCommand(
        name="run",
        callback=kedro_run.callback,
        params=kedro_run.params,
        help=kedro_run.help,
        context_settings=kedro_run.context_settings,
    )
)
