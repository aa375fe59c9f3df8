"""MLflow: a child run per training cell below the run of `kedro run`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import mlflow
import pandas as pd

from guided_imagination.training import Cell, Log


@contextmanager
def track(cell: Cell) -> Iterator[Log]:
    """Open the cell's run, tagged so that runs can be compared in the UI; yields its metric log."""
    tags = {key: str(value) for key, value in asdict(cell).items()}
    with mlflow.start_run(run_name=f"{cell.dataset} {cell.method} {cell.name}", nested=True, tags=tags):
        mlflow.log_params(asdict(cell))

        def log(metrics: dict[str, float], epoch: int) -> None:
            mlflow.log_metrics(metrics, step=epoch)

        yield log


def log_table(table: pd.DataFrame, name: str) -> None:
    """Show `table` in the MLflow UI under the run of `kedro run`."""
    mlflow.log_table(table, f"{name}.json")
