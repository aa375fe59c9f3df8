"""Expand small labelled image datasets with guided imagination, and measure whether it helps."""

import logging
import os
import warnings
from functools import partial
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guided_imagination.api.evaluating import evaluate as evaluate
    from guided_imagination.api.expanding import expand as expand
    from guided_imagination.api.images import example as example
    from guided_imagination.api.looking import audit as audit
    from guided_imagination.api.looking import contact_sheet as contact_sheet
    from guided_imagination.api.reproducing import reproduce as reproduce
    from guided_imagination.api.settings import presets as presets
    from guided_imagination.config.expansion import Preset as Preset
    from guided_imagination.config.expansion import RejectConfig as RejectConfig
    from guided_imagination.utils.errors import InputError as InputError

__version__ = version("guided-imagination")
__all__ = [
    "InputError",
    "Preset",
    "RejectConfig",
    "audit",
    "contact_sheet",
    "evaluate",
    "example",
    "expand",
    "presets",
    "reproduce",
]

# Must stand before torch is imported: busy-waiting OpenMP threads slow each other down when they share cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Nothing calls home.
os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# Bars of a few milliseconds hide the lines that matter; downloads keep theirs.
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")


NOISE = (
    "Add type hints to the `predict` method",  # kedro-mlflow defines an MLflow model; this project logs none
    "One or more dataset names contain '.'",  # a dataset of another namespace can only be named with its dots
)
# the same with every command; nodes have one line of this project's own (hooks.py), without their twenty inputs
CHATTER = {
    "kedro.runner.sequential_runner": ("Using synchronous mode", "Completed node", "Completed %d out of %d tasks"),
    "kedro.pipeline.node": ("Running node",),
    "kedro.validation.type_extractor": ("Could not extract type hints",),  # hooks.py checks parameters
    "kedro_viz.integrations.kedro.run_hooks": ("Workflow tracking is disabled",),
    "kedro_mlflow.framework.hooks.mlflow_hook": ("Registering new custom resolver",),
    "mlflow.store.db.utils": ("SQLAlchemy database error",),  # a traceback; the command ends with a sentence
}


def _is_none_of(messages: tuple[str, ...], record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(messages)


def quiet() -> None:
    """Silence what libraries say with every command and no user can mend (entry point `kedro.init`)."""
    for logger, messages in CHATTER.items():
        logging.getLogger(logger).addFilter(partial(_is_none_of, messages))
    shown = warnings.showwarning

    def show(message: Warning | str, *details: Any, **named: Any) -> None:
        if not any(noise in str(message) for noise in NOISE):
            shown(message, *details, **named)

    # a filter is not enough: MLflow warns inside a filter of its own
    warnings.showwarning = show


# Where the Python API lies: imported when it is asked for, since torch takes seconds.
_PLACES = {
    "InputError": "utils.errors",
    "Preset": "config",
    "RejectConfig": "config",
    "audit": "api.looking",
    "contact_sheet": "api.looking",
    "evaluate": "api.evaluating",
    "example": "api.images",
    "expand": "api.expanding",
    "presets": "api.settings",
    "reproduce": "api.reproducing",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
