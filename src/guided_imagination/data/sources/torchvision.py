"""The dataset classes of torchvision: their downloads, files and labels."""

import inspect
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torchvision.datasets
from PIL import Image

from guided_imagination.config.datasets import Download, TorchvisionSource
from guided_imagination.data.images import png
from guided_imagination.data.sources.base import Opened, Part
from guided_imagination.data.sources.network import downloading
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_regular


def open_torchvision(source: TorchvisionSource) -> Opened:
    """The parts of a dataset of torchvision.

    Raises InputError for an unknown class or argument, and for files that are missing and cannot be had.
    """
    opened: dict[str, Any] = {}

    def dataset(part: str) -> Any:
        if part not in opened:
            try:
                opened[part] = _build(source.name, source.root, source.parts[part])
            except InputError:
                raise
            except (TypeError, ValueError) as error:
                raise InputError(f"torchvision's {source.name}, part {part!r}: {error}") from error
        return opened[part]

    classes = getattr(dataset(next(iter(source.parts))), "classes", None)
    parts = {part: partial(_part, dataset, part, Path(source.root)) for part in source.parts}
    return Opened(source.root, list(classes) if classes else None, parts)


def download(wanted: Download, folder: Path) -> None:
    """Let torchvision fetch and unpack a dataset. Raises InputError if `folder` is not there afterwards."""
    try:
        _build(wanted.name, wanted.root, {})
    except InputError:
        raise
    except ValueError as error:
        # Caltech101 unpacks, then stumbles over a class that it expects: what counts is what is on disk
        if not folder.is_dir():
            raise InputError(f"torchvision's {wanted.name} cannot be read in {wanted.root} ({error})") from error
    if not folder.is_dir():
        raise InputError(f"torchvision's {wanted.name} in {wanted.root} has no folder {folder}: see source.path")


def _build(name: str, root: str, arguments: dict[str, Any]) -> Any:
    """The dataset, downloaded if need be; files are given as paths where the class lets us."""
    dataset_class: Any = getattr(torchvision.datasets, name, None)
    if not isinstance(dataset_class, type):
        raise InputError(f"torchvision.datasets has no class {name!r}")
    taken = inspect.signature(dataset_class).parameters
    extra = {key: value for key, value in (("download", True), ("loader", Path)) if key in taken}
    Path(root).mkdir(parents=True, exist_ok=True)
    home = re.search(r"https?://[^\s>]+", dataset_class.__doc__ or "")
    with downloading(name, home[0] if home else "its home page", f"{root} (in torchvision's layout)"):
        try:
            return dataset_class(root, **arguments, **extra)
        except (FileNotFoundError, RuntimeError, EOFError) as error:
            reason = str(error).rstrip(".")
            raise InputError(f"{root} does not hold a whole {name} ({reason}): move it away and run again") from error


def _part(dataset: Callable[[str], Any], part: str, root: Path) -> Part:
    rows = dataset(part)
    ids, labels = [], []
    for number in range(len(rows)):
        try:
            image, label = rows[number]
        except (OSError, ValueError) as error:  # a class without `loader` decodes the image before it tells the label
            raise InputError(
                f"image {number} of {part!r} in {root} cannot be read ({error}): download it again"
            ) from error
        in_file = isinstance(image, Path)
        ids.append(image.relative_to(root).as_posix() if in_file else f"{part}/{number:05d}")
        labels.append(label)
    return Part(ids, np.array(labels, dtype=np.int64), lambda row: _content(rows[row][0]))


def _content(image: Path | Image.Image) -> bytes:
    return check_regular(image).read_bytes() if isinstance(image, Path) else png(image)
