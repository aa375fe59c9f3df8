"""Node functions that are imported when they run, and whose parameters arrive as typed models."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import ConfigDict, validate_call

GPU = "gpu"  # tag of nodes that run networks, by which a deployment can place them


@dataclass(frozen=True)
class NodeFunction:
    """A function by the name of its module, so that pipelines are built without the libraries that it needs."""

    module: str
    name: str

    def load(self) -> Callable[..., Any]:
        function: Callable[..., Any] = getattr(import_module(self.module), self.name)
        return function


class Nodes:
    """The node functions of a module, as attributes."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> NodeFunction:
        return NodeFunction(self._module, name)


def typed(function: NodeFunction, **fixed: Any) -> Callable[..., Any]:
    """`function` for a Kedro node: `fixed` arguments bound, plain dictionaries turned into its annotated models.

    Kedro could convert annotated parameters itself, but then MLflow would log each model as one long
    string instead of one parameter per key; so the catalog keeps plain values.
    """

    @cache
    def checked() -> Callable[..., Any]:
        return validate_call(config=ConfigDict(arbitrary_types_allowed=True))(function.load())

    def node(*inputs: Any, **named: Any) -> Any:
        return checked()(*inputs, **named, **fixed)

    node.__name__ = function.name
    if viz_is_running():  # which shows this source
        vars(node)["__wrapped__"] = function.load()
    return node


def viz_is_running() -> bool:
    """Whether Kedro-Viz, and no run, asks for the pipelines."""
    return "kedro_viz.integrations.kedro.data_loader" in sys.modules
