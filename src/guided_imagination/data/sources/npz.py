"""Arrays of images and labels in one npz file, read image by image."""

import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from guided_imagination.config.datasets import NpzSource
from guided_imagination.data.images import png
from guided_imagination.data.sources.base import Labels, Opened, Part
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_regular

PARTS = ["train", "val", "test"]
NEEDED = "needed: <part>_images and <part>_labels, where <part> is train, val or test"


def open_npz(source: NpzSource) -> Opened:
    """The parts in a file; such files have no class names."""
    return open_arrays(Path(source.path), None)


def open_arrays(path: Path, classes: list[str] | None) -> Opened:
    """The parts in a file. Raises InputError for a missing or broken file, or one without the expected arrays."""
    with _archive(path) as archive:
        found = {name.removesuffix(".npy") for name in archive.namelist()}
    for part in PARTS:
        pair = {f"{part}_images", f"{part}_labels"}
        if len(pair & found) == 1:
            raise InputError(f"{path} has no array {(pair - found).pop()!r} beside {(pair & found).pop()!r}; {NEEDED}")
    parts = {part: partial(_part, path, part) for part in PARTS if f"{part}_images" in found}
    if not parts:
        raise InputError(f"{path} has the arrays {', '.join(sorted(found)) or 'none'}; {NEEDED}")
    return Opened(str(path), classes, parts)


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(check_regular(path))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a whole npz file ({error}): download it again") from error


def _part(path: Path, part: str) -> Part:
    images, labels = _Images(path, f"{part}_images"), _labels(path, f"{part}_labels")
    if len(images) != len(labels):
        raise InputError(f"{path} has {len(images)} {part}_images, but {len(labels)} {part}_labels")
    return Part([f"{part}/{row:05d}" for row in range(len(labels))], labels, images)


def _labels(path: Path, key: str) -> Labels:
    with _archive(path) as archive, archive.open(f"{key}.npy") as file:
        shape, _, dtype = _header(file, path, key)
        try:
            content = file.read()
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise InputError(f"{path}: {key} is broken ({error}): download the file again") from error
    if np.prod(shape) != shape[0] or not np.issubdtype(dtype, np.integer):
        raise InputError(f"{path}: {key} is {dtype} of shape {shape}; needed: one integer for each image")
    return np.frombuffer(content, dtype).astype(np.int64)


def _header(file: IO[bytes], path: Path, key: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and dtype of an array; the file stands at its first element then."""
    try:
        read = npy.read_array_header_1_0 if npy.read_magic(file) == (1, 0) else npy.read_array_header_2_0
        return read(file)
    except ValueError as error:
        raise InputError(f"{path}: {key} is not a readable array ({error})") from error


class _Images:
    """PNG of the images of an array by row; the array is never in memory, and going back starts a new pass."""

    def __init__(self, path: Path, key: str) -> None:
        # open for as long as rows are read
        self._file = _archive(path).open(f"{key}.npy")
        self._shape, fortran, dtype = _header(self._file, path, key)
        if fortran or dtype != np.uint8 or len(self._shape) not in (3, 4) or self._shape[3:] not in ((), (3,)):
            raise InputError(
                f"{path}: {key} is {dtype} of shape {self._shape}; needed: uint8 of (N, H, W) or (N, H, W, 3)"
            )
        self._start, self._bytes = self._file.tell(), int(np.prod(self._shape[1:]))

    def __len__(self) -> int:
        return self._shape[0]

    def __call__(self, row: int) -> bytes:
        self._file.seek(self._start + row * self._bytes)
        pixels = np.frombuffer(self._file.read(self._bytes), np.uint8)
        return png(Image.fromarray(pixels.reshape(self._shape[1:])))
