"""Where images were made: recorded, never a reason to refuse."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

SHAPING = ["torch", "diffusers", "transformers", "numpy", "pillow", "pyarrow"]


def describe() -> dict[str, Any]:
    """The machine, its GPUs, and the versions of the packages that shape images or files."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "versions": {name: _version(name) for name in SHAPING},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
