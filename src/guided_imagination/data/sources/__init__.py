"""Where images come from: one module for each kind of source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from guided_imagination.config.datasets import Source
from guided_imagination.data.sources.base import Opened
from guided_imagination.data.sources.folder import open_folder
from guided_imagination.data.sources.huggingface import open_huggingface, snapshot
from guided_imagination.data.sources.medmnist import open_medmnist, path_of
from guided_imagination.data.sources.npz import open_npz
from guided_imagination.data.sources.parquet import open_parquet, with_images
from guided_imagination.data.sources.torchvision import open_torchvision
from guided_imagination.utils.files import check_name

OPENERS: dict[str, Callable[[Any], Opened]] = {
    "parquet": open_parquet,
    "folder": open_folder,
    "npz": open_npz,
    "medmnist": open_medmnist,
    "torchvision": open_torchvision,
    "huggingface": open_huggingface,
}

PLACES: dict[str, Callable[[Any], list[Path]]] = {
    "parquet": lambda source: with_images([*source.train, *source.val, *source.test], source.image_column),
    "folder": lambda source: [Path(path) for path in (source.path, source.val, source.test) if path],
    "npz": lambda source: [Path(source.path)],
    "medmnist": lambda source: [path_of(source)],
    "torchvision": lambda source: [Path(source.root)],
    "huggingface": lambda source: [snapshot(source) / name for names in source.parts.values() for name in names],
}


def places(source: Source) -> list[Path]:
    """The files and folders that a source is read from, whether they are there or not."""
    return PLACES[source.kind](source)


def check_names(source: Source) -> None:
    """Raises InputError for a path that this Python cannot write as bytes."""
    for value in source.model_dump().values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                check_name(text)


def open_source(source: Source) -> Opened:
    """The class names and parts of a source. Raises InputError for anything that is not as it should be."""
    return OPENERS[source.kind](source)
