"""`guided-imagination`, or `python -m guided_imagination`: the commands, each imported when it is called.

`expand` needs no Kedro project; `new` makes one; `run` is that of the project in this folder, without Kedro's launcher.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from guided_imagination import quiet
from guided_imagination.config.defaults import shipped_conf

LOGGING = "logging.yml"


def _expand() -> click.Command:
    from guided_imagination.api.command import expand

    return expand


def _of_cli(name: str) -> click.Command:
    # the project's, which Kedro would only take in its root; else Kedro would have one of its own
    files = (place / "conf" / LOGGING for place in (Path.cwd(), *Path.cwd().parents))
    shown = next((file for file in files if file.exists()), shipped_conf() / LOGGING)
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(shown))
    from kedro.framework.project import configure_project

    from guided_imagination import cli

    quiet()
    configure_project(str(__package__))
    command: click.Command = getattr(cli, name, None) or cli.cli.commands[name]
    return command


COMMANDS: dict[str, tuple[Callable[[], click.Command], str]] = {
    "expand": (_expand, "Generate new labelled images from a folder of images."),
    "new": (partial(_of_cli, "new"), "Create a project folder for your own images."),
    "run": (partial(_of_cli, "run"), "Run the Kedro project in this folder: expand, train, report."),
    "predict": (partial(_of_cli, "predict"), "Classify images with the project's best classifier."),
    "reproduce": (partial(_of_cli, "reproduce"), "Make an expansion again from its manifest; are the bytes the same?"),
}


class Commands(click.Group):
    """A group that knows what its commands are for without importing them: Kedro and torch take seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return COMMANDS[cmd_name][0]() if cmd_name in COMMANDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])


@click.command(cls=Commands, name="guided-imagination")
def main() -> None:
    """Expand small labelled image datasets with guided imagination."""


if __name__ == "__main__":
    main()
