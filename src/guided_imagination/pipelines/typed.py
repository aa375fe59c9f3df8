"""Node functions whose parameters arrive as typed models."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import ConfigDict, validate_call


def typed(function: Callable[..., Any], **fixed: Any) -> Callable[..., Any]:
    """`function` for a Kedro node: `fixed` arguments bound, plain dictionaries turned into its annotated models.

    Kedro could convert annotated parameters itself, but then MLflow would log each model as one long
    string instead of one parameter per key; so the catalog keeps plain values.
    """
    checked = validate_call(config=ConfigDict(arbitrary_types_allowed=True))(function)

    def node(*inputs: Any, **named: Any) -> Any:
        return checked(*inputs, **named, **fixed)

    node.__name__, node.__doc__ = function.__name__, function.__doc__
    vars(node)["__wrapped__"] = function  # Kedro-Viz shows this source
    vars(node)["__signature__"] = inspect.signature(partial(function, **fixed))
    return node
