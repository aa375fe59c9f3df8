"""Expand small labelled image datasets with guided imagination, and measure whether it helps."""

import os
import warnings
from typing import Any

__version__ = "0.4.0"

# Must stand before torch is imported: busy-waiting OpenMP threads slow each other down when they share cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Nothing calls home.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Bars of a few milliseconds hide the lines that matter; downloads keep theirs.
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")


NOISE = (
    "Add type hints to the `predict` method",  # kedro-mlflow defines an MLflow model; this project logs none
    "One or more dataset names contain '.'",  # a dataset of another namespace can only be named with its dots
)


def quiet() -> None:
    """Silence what libraries say with every command and no user can mend (entry point `kedro.init`)."""
    shown = warnings.showwarning

    def show(message: Warning | str, *details: Any, **named: Any) -> None:
        if not any(noise in str(message) for noise in NOISE):
            shown(message, *details, **named)

    # a filter is not enough: MLflow warns inside a filter of its own
    warnings.showwarning = show
