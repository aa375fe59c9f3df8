"""Mistakes in the words of who made them: the library's sentences name options of `kedro run`, a call has arguments."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TypeVar

from guided_imagination.utils.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")

PYTHON = {
    "parameters: dataset_specs.images.": "",
    "parameters: ": "",
    "replace it with --params overwrite=true, or keep it and use another --params data_dir=FOLDER": (
        "replace it with overwrite=True, or keep it and use another out=FOLDER"
    ),
    "run its pipeline with --params overwrite=true, or use another --params data_dir=FOLDER": (
        "hand over the images that it was made of"
    ),
    "use another --params data_dir=FOLDER": "use another out=FOLDER",
    "run its pipeline first, which makes only what is missing": "call expand first, which makes only what is missing",
    "choose another guide, give better class names or templates, make the row unguided (which also turns reject off), "
    "or set least_kappa to null to go on all the same": (
        "choose another preset, give better class names or templates=, take an unguided method such as "
        "randaugment, or go on all the same with filter=False"
    ),
    "or set perturbation: ball": "or take another method, such as gif_mae",
    " (as path, or as test)?": "?",
    "compute.deterministic": "settings' compute.deterministic",
    "compute.device": "device",
    "compute.workers.count": "workers",
}
COMMAND = {
    "overwrite=True": "--overwrite",
    "out=FOLDER": "--out FOLDER",
    "templates=": "--template",
    "filter=False": "--no-filter",
    "hand over the images that it was made of": "name the folder that it was made of",
}


def reworded(sentence: str, words: Mapping[str, str]) -> str:
    """`sentence` with each of `words` in place of the library's."""
    for said, meant in words.items():
        sentence = sentence.replace(said, meant)
    return sentence


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """`function` with InputErrors in the words of the Python API; a GPU that is too small is one too."""

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return function(*arguments, **named)
        except InputError as error:
            raise InputError(reworded(str(error), PYTHON)) from error
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
            raise InputError(
                "the memory does not hold these networks with a single image: take a smaller preset or resolution, "
                'settings={"compute": {"offload": "model"}}, or another device; with out=FOLDER, what was finished is '
                "kept"
            ) from error

    return call


def _out_of_memory(error: RuntimeError) -> bool:
    from accelerate.utils.memory import should_reduce_batch_size  # imports torch, as all that can raise it has done

    return bool(should_reduce_batch_size(error))
