"""Node functions that are imported when they run: pipelines are built without the libraries that those need."""

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any

Inputs = Mapping[str, str | Mapping[Any, str]]  # of a node by argument; several of a kind by what tells them apart
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


def by_name(function: Callable[..., Any], inputs: Inputs) -> tuple[Callable[..., Any], dict[str, str]]:
    """A node's function and inputs. It gets all by keyword; several of a kind as one dict, under their keys."""
    several = {
        argument: {f"{argument}[{key}]": key for key in given}
        for argument, given in inputs.items()
        if isinstance(given, Mapping)
    }

    @wraps(function)
    def node(**loaded: Any) -> Any:
        dicts = {argument: {key: loaded.pop(flat) for flat, key in keys.items()} for argument, keys in several.items()}
        return function(**loaded, **dicts)

    names: dict[str, str] = {}
    for argument, given in inputs.items():
        names |= (
            dict(zip(several[argument], given.values(), strict=True))
            if isinstance(given, Mapping)
            else {argument: given}
        )
    return node, names


def viz_is_running() -> bool:
    """Whether Kedro-Viz, and no run, asks for the pipelines."""
    return "kedro_viz.integrations.kedro.data_loader" in sys.modules
