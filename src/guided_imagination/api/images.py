"""Labelled images as a user has them -> the one form of this project: a dataset of id, image and label."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict, Image
from numpy.typing import NDArray
from PIL import Image as PillowImage

from guided_imagination.api.wording import explained
from guided_imagination.config.datasets import DatasetSpec, FolderSource, ParquetSource
from guided_imagination.config.defaults import defaults, embedded
from guided_imagination.data import ingestion
from guided_imagination.data.copies import Side, between
from guided_imagination.data.dataset import class_names
from guided_imagination.data.images import lossless, png
from guided_imagination.data.ingestion import read_whole, warned
from guided_imagination.data.sources.base import Opened, Part, composed
from guided_imagination.data.sources.folder import open_folder
from guided_imagination.data.sources.recognition import kind
from guided_imagination.data.sources.walk import files_below
from guided_imagination.utils.errors import InputError, first_line
from guided_imagination.utils.files import check_regular

Arrays: TypeAlias = tuple[Any, Any, Sequence[str] | Mapping[str, int] | Mapping[int, str]]
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


def same_classes(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets have the same class names in the same order, however their accents are written."""
    return [composed(name) for name in class_names(one)] == [composed(name) for name in class_names(other)]


def _opened(images: Images) -> Opened:
    if isinstance(images, str | os.PathLike):
        return _folder(Path(images))
    if isinstance(images, Dataset):
        return _dataset(images)
    if isinstance(images, tuple) and len(images) == 3:
        return _arrays(*images)
    if isinstance(images, DatasetDict):
        raise InputError(f"images are a DatasetDict: pass one of its splits ({', '.join(images)})")
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
        raise ValueError("there are no images")
    content: bytes | None = image["bytes"]
    return check_regular(Path(image["path"])).read_bytes() if content is None else content


def _arrays(pixels: Any, labels: Any, names: Any) -> Opened:
    """Images of any kind that `_encoded` takes, their labels (N,), the names of the classes."""
    count, load = _encoded(pixels)
    own = _labels(_array(labels, "labels"), count)
    return Opened("images", _names(names), {PART: lambda: Part(_numbered(count), own, load)})


def _names(names: Any) -> list[str]:
    """Class names in the order of their labels. Raises InputError for what has no order."""
    allowed = "allowed: a list of different names, in the order of their labels, or a mapping with the label of each"
    listed = isinstance(names, Sequence) or hasattr(names, "__array__")
    found: list[Any] | None = None
    if hasattr(names, "items"):  # of a pandas Series too, whose index says which label a name has
        found = _by_label(list(names.items()))
    elif listed and not isinstance(names, str | bytes):
        array = np.asarray(names, dtype=object)
        found = array.tolist() if array.ndim == 1 else None
    if found is None:
        raise InputError(f"class names are of type {type(names).__name__}; {allowed}")
    if not found:
        raise InputError("there are no class names: give one for each label")
    for name in found:
        if not isinstance(name, str):
            raise InputError(f"one of the class names is of type {type(name).__name__}; {allowed}")
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise InputError(f"the class name {twice[0]!r} occurs twice; {allowed}")
    return [str(name) for name in found]  # not numpy's


def _by_label(pairs: list[tuple[Any, Any]]) -> list[Any]:
    """The names in pairs of name and label, or of label and name, by label."""
    if all(isinstance(name, str) for name, _ in pairs):
        pairs = [(label, name) for name, label in pairs]
    if not all(isinstance(label, Integral) and isinstance(name, str) for label, name in pairs):
        raise InputError('class names must be pairs of a name and an integer, such as {"cat": 0} or {0: "cat"}')
    absent = sorted(set(range(len(pairs))) - {label for label, _ in pairs})
    if absent:
        raise InputError(
            f"none of the {len(pairs)} class names has the label {absent[0]}; needed: labels from 0 to "
            f"{len(pairs) - 1}, each once"
        )
    return [name for _, name in sorted(pairs)]


def _encoded(pixels: Any) -> tuple[int, Callable[[int], bytes]]:
    """The number of images, and what gives the bytes of an image file by row.

    pixels: (N, 3, H, W) or (N, H, W, 3), uint8 or floats in [0, 1], or a list of such images or of Pillow's, whose
    sizes may differ.
    """
    several = list(pixels) if isinstance(pixels, list | tuple) or _is_of_objects(pixels) else []
    if any(isinstance(image, PillowImage.Image) or hasattr(image, "__array__") for image in several):
        own = [_one(image, f"image {row}") for row, image in enumerate(several)]
        return len(own), lambda row: own[row]()
    values = _array(pixels, "images")
    channels_last = _channels_last(values, "images", "N, ")
    return len(values), lambda row: _png(values[row], channels_last)


def _is_of_objects(values: Any) -> bool:
    """Such as a numpy array or a pandas Series that holds one picture in each place."""
    return getattr(values, "ndim", 0) == 1 and getattr(values, "dtype", None) == np.dtype(object)


def _one(image: Any, what: str) -> Callable[[], bytes]:
    if isinstance(image, PillowImage.Image):
        return partial(lossless, image)
    values = _array(image, what)
    return partial(_png, values, _channels_last(values[None], what, ""))


def _png(image: NDArray[Any], channels_last: bool) -> bytes:
    values = image if image.dtype == np.uint8 else np.rint(255 * image.astype(np.float64)).astype(np.uint8)
    return png(PillowImage.fromarray(np.ascontiguousarray(values if channels_last else values.transpose(1, 2, 0))))


def _array(values: Any, what: str) -> NDArray[Any]:
    """An array, or a tensor of any device and precision. Raises InputError for what cannot become one."""
    if np.ma.is_masked(values):
        raise InputError(f"{what}: some values are masked: fill them first")
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            if values.is_floating_point() and values.element_size() < 4:  # numpy has no bfloat16
                values = values.float()
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        why = first_line(error).split(". ")[0]
        raise InputError(
            f"{what} cannot be converted to an array ({why}): pass a NumPy array or a torch tensor"
        ) from error


def _channels_last(values: NDArray[Any], what: str, many: str) -> bool:
    """Whether images (N, 3, H, W) or (N, H, W, 3) are the latter.

    Raises InputError for another shape, type or range, of `what`: of one image (N = 1) without `many`.
    """
    shape, allowed = values.shape, f"allowed: ({many}3, H, W) and ({many}H, W, 3)"
    shown = shape if many else shape[1:]
    if len(shape) != 4 or 3 not in (shape[1], shape[3]) or 0 in shape[1:]:
        raise InputError(f"{what}: an array of shape {shown}; {allowed}")
    if not len(values):
        raise InputError("there are no images: the array is empty")
    if shape[1] == shape[3]:
        raise InputError(
            f"{what} of shape {shown} could have channels first or last: resize, or pass a Dataset or Pillow images"
        )
    if values.dtype == np.uint8:
        return shape[3] == 3
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"{what}: an array of {values.dtype}; allowed: uint8, or floats in [0, 1]")
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= 1):  # nor where one of them is no number
        raise InputError(f"{what}: floats from {low:g} to {high:g}; allowed: 0 to 1, or uint8")
    return shape[3] == 3


def _labels(values: NDArray[Any], images: int) -> NDArray[np.int64]:
    if values.shape != (images,):
        raise InputError(
            f"labels have the shape {values.shape}, but there are {images} images: give one label per image"
        )
    if images and not (np.issubdtype(values.dtype, np.integer) or values.dtype == np.bool_):
        raise InputError(f"labels are an array of {values.dtype}; allowed: integers that number the class names")
    return values.astype(np.int64)


def _numbered(count: int) -> list[str]:
    return [f"{PART}/{row:05d}" for row in range(count)]


@explained
def example(seeds_per_class: int = 10, dataset: str = "fashion") -> tuple[Dataset, Dataset]:
    """Seeds and test images as `kedro run --params datasets=...` has them: garments of Fashion-MNIST, or blood cells.

    >>> import guided_imagination
    >>> seeds, test = guided_imagination.example(seeds_per_class=1)
    >>> len(seeds), len(test), seeds.features["label"].names[9]
    (10, 2000, 'Ankle boot')
    >>> cells, test = guided_imagination.example(dataset="blood")
    >>> len(cells), len(test), cells.features["label"].names[3]
    (80, 1600, 'immature granulocyte')

    The preset `embedded` knows the garments, `blood` the cells. Raises InputError for a dataset that does not ship.
    """
    specs = {name: DatasetSpec.model_validate(spec) for name, spec in defaults()["dataset_specs"].items()}
    ships = [name for name, spec in specs.items() if _is_shipped(spec)]
    if dataset not in ships:
        raise InputError(f"dataset = {dataset!r} does not ship; allowed: {', '.join(ships)}")
    splits = ingestion.read(specs[dataset].model_copy(update={"seeds_per_class": seeds_per_class}), draw=0)
    return splits.seeds, splits.test


def _is_shipped(spec: DatasetSpec) -> bool:
    source = spec.source
    return isinstance(source, ParquetSource) and all(
        file.startswith(embedded()) for file in (*source.train, *source.test)
    )
