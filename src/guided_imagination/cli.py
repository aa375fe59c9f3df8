"""`kedro run` as Kedro ships it, but a user's mistake ends in one sentence instead of a traceback."""

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.io.core import DatasetError
from kedro.validation.exceptions import ParameterValidationError

from guided_imagination.errors import InputError


class Run(click.Command):
    """Turns the errors that a user can mend into click's own."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (InputError, ParameterValidationError, DatasetError, ValueError) as error:
            cause = error
            while not isinstance(cause, InputError) and cause.__cause__ is not None:
                cause = cause.__cause__
            if isinstance(cause, InputError):
                raise click.ClickException(str(cause)) from error
            raise


@click.group(name=__package__)
def cli() -> None:
    """Commands of this project."""


cli.add_command(
    Run(
        name="run",
        callback=kedro_run.callback,
        params=kedro_run.params,
        help=kedro_run.help,
        context_settings=kedro_run.context_settings,
    )
)
