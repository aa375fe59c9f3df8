"""Expand small labelled image datasets with guided imagination, and measure whether it helps."""

import os
import warnings

__version__ = "0.1.0"

# Must stand before torch is imported: busy-waiting OpenMP threads slow each other down when they share cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Nothing calls home.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Bars of a few milliseconds hide the lines that matter; downloads keep theirs.
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
# kedro-mlflow's model class makes MLflow say so with every command; the project logs no such model.
warnings.filterwarnings("ignore", ".*Add type hints to the `predict` method", UserWarning)
