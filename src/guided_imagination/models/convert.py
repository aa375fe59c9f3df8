"""Weights that exist as a pickle alone, into safetensors, once: `python -m guided_imagination.models.convert FILE`.

Nothing else of this project reads pickles. torch's reader is told to accept tensors and plain containers only, so that
a file cannot run code.
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from guided_imagination.utils.errors import InputError, first_line
from guided_imagination.utils.files import replacing

WRAPPED = ("state_dict", "model")  # what holds the tensors in files that hold more


def convert(file: Path, target: Path | None = None) -> Path:
    """The tensors of `file` in safetensors: in `target`, or beside it as transformers and diffusers name them.

    Raises InputError for a file that is missing, damaged, or holds anything but tensors and plain containers.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle ends in any of Python's errors
        raise InputError(f"{file} holds no weights that are safe to read: {first_line(error)}") from error
    for name in WRAPPED:
        content = content.get(name, content) if isinstance(content, dict) else content
    if not isinstance(content, dict) or not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{file} contains no named tensors")
    name = "model.safetensors" if file.name == "pytorch_model.bin" else f"{file.stem}.safetensors"
    target = target or file.with_name(name)
    with replacing(target) as stream:  # shared storage cannot be saved, hence the clones
        stream.write(save({key: value.clone().contiguous() for key, value in content.items()}, {"format": "pt"}))
    return target


if __name__ == "__main__":
    try:
        print(convert(*map(Path, sys.argv[1:3])))
    except (InputError, TypeError) as error:
        raise SystemExit(f"{error}; usage: python -m {__spec__.name} FILE [TARGET]") from None
