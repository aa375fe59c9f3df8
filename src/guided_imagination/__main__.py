"""`python -m guided_imagination run`: the commands of the project without Kedro's launcher."""

from pathlib import Path

from kedro.framework.project import configure_project

from guided_imagination import quiet
from guided_imagination.cli import cli

if __name__ == "__main__":
    quiet()
    configure_project(Path(__file__).parent.name)
    cli()
