"""Node functions that are imported when they run: pipelines are built without the libraries that those need."""

import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

GPU = "gpu"  # tag of nodes that run networks, by which a deployment can place them


class Lazy:
    """The functions of a module as attributes; the module is imported when one of them is called."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def load() -> Callable[..., Any]:
            function: Callable[..., Any] = getattr(import_module(self._module), name)
            return function

        def node(*inputs: Any, **fixed: Any) -> Any:
            return load()(*inputs, **fixed)

        node.__name__ = name
        if viz_is_running():  # which shows this source
            vars(node)["__wrapped__"] = load()
        return node


def bound(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """`function` with fixed arguments, under its own name; Kedro-Viz shows no source of a `partial`."""

    @wraps(function)
    def node(*inputs: Any, **named: Any) -> Any:
        return function(*inputs, **named, **fixed)

    return node


def viz_is_running() -> bool:
    """Whether Kedro-Viz, and no run, asks for the pipelines."""
    return "kedro_viz.integrations.kedro.data_loader" in sys.modules
