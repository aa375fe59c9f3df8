"""Folders of images: one per class, or a class in every file name."""

import logging
import os
import re
import unicodedata
from functools import partial
from pathlib import Path

import numpy as np
from PIL.Image import registered_extensions

from guided_imagination.config.datasets import FolderSource
from guided_imagination.data.sources.base import Opened, Part
from guided_imagination.data.sources.torchvision import download
from guided_imagination.utils.errors import InputError

logger = logging.getLogger(__name__)

JPEG = {".jpg", ".jpeg", ".jpe", ".jfif", ".jp2"}
SUFFIXES = JPEG | {".png", ".gif", ".bmp", ".webp", ".avif", ".tif", ".tiff", ".tga", ".pbm", ".pgm", ".ppm", ".pnm"}
FOLDER_PER_CLASS = r"([^/]+)/[^/]+"


def open_folder(source: FolderSource) -> Opened:
    """Classes in the order of their names; all parts have those of `path`.

    Raises InputError for a missing or empty folder, a class without images, a class that only another part has.
    """
    path = Path(source.path)
    if source.download and not path.is_dir():
        download(source.download, path)
    pattern = source.class_pattern or FOLDER_PER_CLASS
    train = _images(path, pattern)
    classes = sorted(set(train.values()))
    if source.class_pattern is None:
        _check_folders(path, classes)
    if not classes:
        raise InputError(f"{path} has no images; needed: a folder for each class with images in it")
    parts = {"train": partial(_part, path, "train", train, classes)}
    for name, folder in (("val", source.val), ("test", source.test)):
        if folder is not None:
            parts[name] = partial(_other_part, Path(folder), name, pattern, classes, path)
    return Opened(str(path), classes, parts)


def _other_part(folder: Path, name: str, pattern: str, classes: list[str], train: Path) -> Part:
    found = _images(folder, pattern)
    unknown = sorted(set(found.values()) - set(classes))
    if unknown:
        raise InputError(f"{folder} has the class {unknown[0]!r}, which {train} has not")
    return _part(folder, name, found, classes)


def _part(folder: Path, name: str, found: dict[str, str], classes: list[str]) -> Part:
    files, number = list(found), {raw: label for label, raw in enumerate(classes)}
    labels = np.array([number[found[file]] for file in files], dtype=np.int64)
    # file systems write accents in two ways: the id is the same for both
    ids = [f"{name}/{unicodedata.normalize('NFC', file)}" for file in files]
    return Part(ids, labels, lambda row: (folder / files[row]).read_bytes())


def _images(folder: Path, pattern: str) -> dict[str, str]:
    """Class names by an image's path below the folder, in the order of the paths."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; needed: a folder for each class with images in it")
    found, ignored = {}, []
    for file in sorted(_files(folder), key=lambda file: unicodedata.normalize("NFC", file)):
        match = re.fullmatch(pattern, file)
        if match and Path(file).suffix.lower() in SUFFIXES:
            found[file] = unicodedata.normalize("NFC", match[1])
        else:
            ignored.append(file)
    if ignored:
        unread = [file for file in ignored if Path(file).suffix.lower() in registered_extensions()]
        level = logging.WARNING if unread else logging.INFO  # what could be an image is missed by its owner
        first = next(iter(unread or ignored))
        logger.log(level, "%s: %d files are no images of a class, e.g. %s", folder, len(ignored), first)
    return found


def _files(folder: Path) -> list[str]:
    """Paths of all files below the folder but hidden ones."""
    files = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not _hidden(name)]
        files += [(Path(parent) / name).relative_to(folder).as_posix() for name in names if not _hidden(name)]
    return files


def _hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _check_folders(path: Path, classes: list[str]) -> None:
    for folder in sorted(path.iterdir()):
        name = unicodedata.normalize("NFC", folder.name)
        if not folder.is_dir() or _hidden(name) or name in classes:
            continue
        below = [child.name for child in sorted(folder.iterdir()) if child.is_dir()]
        hint = f"; it holds folders: did you mean {folder} (as path, or as test)?" if below else ""
        raise InputError(f"the class folder {folder} has no image{hint}")
