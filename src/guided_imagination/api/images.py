"""Labelled images as a user has them -> the one form of this project: a dataset of id, image and label."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Image
from numpy.typing import NDArray
from PIL import Image as PillowImage

from guided_imagination.config import DatasetSpec
from guided_imagination.config.datasets import FolderSource
from guided_imagination.data.copies import Side, between
from guided_imagination.data.images import png
from guided_imagination.data.ingestion import read_whole, warned
from guided_imagination.data.sources.base import Opened, Part
from guided_imagination.data.sources.folder import open_folder
from guided_imagination.data.sources.recognition import kind
from guided_imagination.data.sources.walk import files_below
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_regular

Arrays: TypeAlias = tuple[Any, Any, Sequence[str]]
Images: TypeAlias = str | os.PathLike[str] | Dataset | Arrays
PART = "train"  # of ids, as the pipelines write them
ALLOWED = (
    "a folder with a subfolder of images for each class, a datasets.Dataset with the columns image and label, or a "
    "tuple of images, labels and class names"
)


def read_images(images: Images, spec: DatasetSpec) -> Dataset:
    """`read_side` of images that are compared with no others; the log names those that have two labels."""
    data, side = read_side(images, spec, "image")
    warned("images", between(side))
    return data


def read_side(images: Images, spec: DatasetSpec, name: str, every_class: bool = True) -> tuple[Dataset, Side]:
    """All of the images, none set aside, and what they are compared by with others, where each is called `name`.

    `spec` has what is not in them. Raises InputError for images that are not as they should be; unreadable ones are
    named and left out while they are no more than `spec.max_unreadable` of all. Of seeds there has to be one of
    `every_class`.
    """
    data, digests = read_whole(spec, _opened(images), every_class)
    return data, Side(name, data["id"][:], np.array(data["label"][:], np.int64), digests)


def _opened(images: Images) -> Opened:
    if isinstance(images, str | os.PathLike):
        return _folder(Path(images))
    if isinstance(images, Dataset):
        return _dataset(images)
    if isinstance(images, tuple) and len(images) == 3:
        return _arrays(*images)
    if isinstance(images, DatasetDict):
        raise InputError(f"images are a DatasetDict: hand over one of its splits ({', '.join(images)})")
    raise InputError(f"images are a {type(images).__name__}; allowed: {ALLOWED}")


def _folder(path: Path) -> Opened:
    """A class per subfolder. Raises InputError too for images further below, which would be left out in silence."""
    opened = open_folder(FolderSource(kind="folder", path=str(path)))
    for file, entry in files_below(path):
        if file.count("/") > 1 and kind(entry) != "other":
            parent = Path(entry.path).parent
            raise InputError(
                f"{parent} holds images, but is a folder inside the class folder {parent.parent}: put them into "
                "the class folder, or make it a class folder of its own"
            )
    return opened


def _dataset(data: Dataset) -> Opened:
    place = "the dataset"
    for name in ("image", "label"):
        if name not in data.column_names:
            raise InputError(
                f"{place} has no column {name!r}, it has {', '.join(data.column_names)}: see its rename_column"
            )
    label = data.features["label"]
    if not isinstance(label, ClassLabel) or not label.names:
        raise InputError(f"{place}'s column 'label' has no class names ({label}): see its class_encode_column('label')")
    if not isinstance(data.features["image"], Image):
        raise InputError(f"{place}'s column 'image' is {data.features['image']}; allowed: datasets.Image")
    raw = data.with_format(None).select_columns("image").cast_column("image", Image(decode=False))
    labels = np.array([-1 if value is None else value for value in data.with_format(None)["label"][:]], np.int64)
    ids = [str(name) for name in data["id"][:]] if "id" in data.column_names else _numbered(len(data))
    return Opened(place, list(label.names), {PART: lambda: Part(ids, labels, lambda row: _content(raw[row]["image"]))})


def _content(image: dict[str, Any] | None) -> bytes:
    if image is None:
        raise ValueError("there is no image")
    content: bytes | None = image["bytes"]
    return check_regular(Path(image["path"])).read_bytes() if content is None else content


def _arrays(pixels: Any, labels: Any, names: Sequence[str]) -> Opened:
    """(N, 3, H, W) or (N, H, W, 3), uint8 or floats in [0, 1], and integers (N,)."""
    place, values = "images", _array(pixels)
    if isinstance(names, str) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputError(f"class names = {names!r}; allowed: a list of different names, in the order of their labels")
    if not names:
        raise InputError("there is no class name; needed: one for each label")
    channels_last, own = _channels_last(values), _labels(_array(labels), len(values))

    def load(row: int) -> bytes:
        image = values[row] if values.dtype == np.uint8 else np.rint(255 * values[row].astype(np.float64))
        return png(PillowImage.fromarray((image if channels_last else image.transpose(1, 2, 0)).astype(np.uint8)))

    return Opened(place, list(names), {PART: lambda: Part(_numbered(len(values)), own, load)})


def _array(values: Any) -> NDArray[Any]:
    """An array, or a tensor of any device."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _channels_last(values: NDArray[Any]) -> bool:
    """Raises InputError for another shape, type or range of images."""
    shape = values.shape
    if len(shape) != 4 or 3 not in (shape[1], shape[3]) or 0 in shape[1:]:
        raise InputError(f"images are an array of shape {shape}; allowed: (N, 3, H, W) and (N, H, W, 3)")
    if not len(values):
        raise InputError("there are no images: the array is empty")
    if shape[1] == shape[3]:
        raise InputError(
            f"images of shape {shape} could have their channels first or last: resize them, or hand over a Dataset"
        )
    if values.dtype == np.uint8:
        return shape[3] == 3
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"images are an array of {values.dtype}; allowed: uint8, or floats in [0, 1]")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):  # nor where one of them is no number
        raise InputError(f"images are floats from {low:g} to {high:g}; allowed: 0 to 1, or uint8")
    return shape[3] == 3


def _labels(values: NDArray[Any], images: int) -> NDArray[np.int64]:
    if values.shape != (images,):
        raise InputError(f"labels have the shape {values.shape}, images are {images}: needed is one label for each")
    if images and not np.issubdtype(values.dtype, np.integer):
        raise InputError(f"labels are an array of {values.dtype}; allowed: integers that number the class names")
    return values.astype(np.int64)


def _numbered(count: int) -> list[str]:
    return [f"{PART}/{row:05d}" for row in range(count)]
