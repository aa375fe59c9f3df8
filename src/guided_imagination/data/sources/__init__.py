"""Where images come from: one module for each kind of source."""

from collections.abc import Callable
from typing import Any

from guided_imagination.config.datasets import Source
from guided_imagination.data.sources.base import Opened
from guided_imagination.data.sources.folder import open_folder
from guided_imagination.data.sources.huggingface import open_huggingface
from guided_imagination.data.sources.medmnist import open_medmnist
from guided_imagination.data.sources.npz import open_npz
from guided_imagination.data.sources.parquet import open_parquet
from guided_imagination.data.sources.torchvision import open_torchvision

OPENERS: dict[str, Callable[[Any], Opened]] = {
    "parquet": open_parquet,
    "folder": open_folder,
    "npz": open_npz,
    "medmnist": open_medmnist,
    "torchvision": open_torchvision,
    "huggingface": open_huggingface,
}


def open_source(source: Source) -> Opened:
    """The class names and parts of a source. Raises InputError for anything that is not as it should be."""
    return OPENERS[source.kind](source)
