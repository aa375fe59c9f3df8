"""`kedro run` of this project in this process: what the command line does, without its seconds of imports."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

ROOT = Path(__file__).parents[2]


def kedro_run(*options: str, command: str = "run") -> Result:
    """Run the command; the log is not in the result but in pytest's `caplog`. Needs the fixture `project`."""
    import mlflow
    from kedro.framework.project import pipelines
    from kedro_mlflow.framework.hooks.mlflow_hook import mlflow_hook

    from guided_imagination.cli import cli

    pipelines.configure(f"{cli.name}.pipeline_registry")  # else those of the run before are kept
    before = mlflow.get_tracking_uri()
    try:
        return CliRunner().invoke(cli, [command, *options])
    finally:
        while mlflow.active_run():  # kedro-mlflow opens its run once more for every thread of nodes
            mlflow.end_run()
        mlflow_hook.run_id = None  # else a later command that is no experiment takes this run for its own
        mlflow.set_tracking_uri(before)


def assert_succeeded(done: Result) -> None:
    if done.exception is not None:
        raise AssertionError(done.output[-3000:]) from done.exception


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """The folder `name` that all workers of pytest-xdist share, built by the first that asks for it."""
    workers = "PYTEST_XDIST_WORKER" in os.environ
    folder = (factory.getbasetemp().parent if workers else factory.getbasetemp()) / name
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            build(unfinished := factory.mktemp(name))
            unfinished.rename(folder)
    return folder
