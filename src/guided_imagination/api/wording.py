"""Mistakes in the words of who made them: `kedro run` has parameters, a call has arguments, the command has options."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from guided_imagination.api.settings import NAME
from guided_imagination.utils.errors import InputError, Remedy, Words

P = ParamSpec("P")
R = TypeVar("R")

ARGUMENTS = {"compute.device": "device", "compute.workers.count": "workers"}


def _argument(parameter: str) -> str:
    """A parameter as an argument, or as a key of `settings`."""
    key = parameter.removeprefix("parameters:").strip().removeprefix(f"dataset_specs.{NAME}.")
    return ARGUMENTS.get(key, key)


def _option(parameter: str) -> str:
    argument = _argument(parameter)
    return f"--{argument}" if argument in ARGUMENTS.values() else argument


PYTHON = Words(
    {
        Remedy.REPLACE: "replace it with overwrite=True, or keep it and use another out=FOLDER",
        Remedy.MADE_OF: "pass the images that it was made from",
        Remedy.OTHER_FOLDER: "wait for it or stop it, or use another out=FOLDER",
        Remedy.MAKE_FIRST: "call expand first, which makes only what is missing",
        Remedy.OTHER_GUIDE: (
            'learn the classes from the images with head="seeds", choose another preset, improve the class names or '
            "templates=, use an unguided method such as randaugment, or continue anyway with filter=False"
        ),
        Remedy.BALL: "add images, or use another method, such as gif_mae",
        Remedy.FEWER_WORKERS: "use fewer workers= or smaller batches; with out=FOLDER, what is finished is kept",
    },
    _argument,
)
COMMAND = Words(
    {
        Remedy.REPLACE: "replace it with --overwrite, or keep it and use another --out FOLDER",
        Remedy.MADE_OF: "name the folder that it was made from",
        Remedy.OTHER_FOLDER: "wait for it or stop it, or use another --out FOLDER",
        Remedy.MAKE_FIRST: "run guided-imagination expand first, which makes only what is missing",
        Remedy.OTHER_GUIDE: (
            "learn the classes from the images with --head seeds, choose another --preset, improve the class names or "
            "--template, use an unguided --method such as randaugment, or continue anyway with --no-filter"
        ),
        Remedy.BALL: "add images, or use another --method, such as gif_mae",
        Remedy.FEWER_WORKERS: "use fewer --workers or smaller batches; what is finished is kept",
    },
    _option,
)


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """`function` with InputErrors in the words of the Python API; a GPU that is too small is one too."""

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return function(*arguments, **named)
        except InputError as error:
            error.args = (error.worded(PYTHON),)
            raise
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            raise InputError(
                "these networks do not fit into memory, even for a single image: use a smaller preset or resolution, "
                'settings={"compute": {"offload": "model"}}, or another device; with out=FOLDER, finished shards are '
                "kept"
            ) from error

    return call


def _out_of_memory(error: RuntimeError) -> bool:
    from accelerate.utils.memory import should_reduce_batch_size  # imports torch, as all that can raise it has done

    return bool(should_reduce_batch_size(error))
