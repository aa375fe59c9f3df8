"""Folders of images: one per class, or a class in every file name."""

import logging
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from guided_imagination.config.datasets import FolderSource
from guided_imagination.data.sources.base import Opened, Part, composed
from guided_imagination.data.sources.recognition import kind
from guided_imagination.data.sources.torchvision import download
from guided_imagination.data.sources.walk import files_below, is_hidden
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_name, check_regular

logger = logging.getLogger(__name__)

FOLDER_PER_CLASS = r"([^/]+)/[^/]+"


@dataclass(frozen=True)
class Found:
    """Class names by an image's path below a folder, in the order of the paths, and the paths of those that nothing
    here can read."""

    classes: dict[str, str]
    unread: set[str]


def open_folder(source: FolderSource) -> Opened:
    """Classes in the order of their names; all parts have those of `path`.

    Raises InputError for a missing or empty folder, a class without images, a class that only another part has.
    """
    path = Path(source.path)
    check_name(path)
    if source.download and not path.is_dir():
        download(source.download, path)
    pattern = source.class_pattern or FOLDER_PER_CLASS
    train = _images(path, pattern)
    classes = sorted({composed(name): name for name in train.classes.values()}.values())
    if source.class_pattern is None:
        _check_folders(path, classes)
    if not classes:
        raise InputError(f"{path} has no images: expected one folder of images per class")
    parts = {"train": partial(_part, path, "train", train, classes)}
    for name, folder in (("val", source.val), ("test", source.test)):
        if folder is not None:
            parts[name] = partial(_other_part, Path(folder), name, pattern, classes, path)
    return Opened(str(path), classes, parts)


def _other_part(folder: Path, name: str, pattern: str, classes: list[str], train: Path) -> Part:
    found = _images(folder, pattern)
    known = {composed(name) for name in classes}
    unknown = sorted(name for name in set(found.classes.values()) if composed(name) not in known)
    if unknown:
        raise InputError(f"{folder} has the class {unknown[0]!r}, which is not in {train}")
    return _part(folder, name, found, classes)


def _part(folder: Path, name: str, found: Found, classes: list[str]) -> Part:
    files, number = list(found.classes), {composed(raw): label for label, raw in enumerate(classes)}
    labels = np.array([number[composed(found.classes[file])] for file in files], dtype=np.int64)
    ids = [f"{name}/{composed(file)}" for file in files]
    unread = {ids[row]: "no reader knows it" for row, file in enumerate(files) if file in found.unread}

    def load(row: int) -> bytes:
        return check_regular(folder / files[row]).read_bytes()

    return Part(ids, labels, load, unread)


def _images(folder: Path, pattern: str) -> Found:
    """The images below the folder whose path tells a class."""
    check_name(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: expected one folder of images per class")
    found = Found({}, set())
    ignored: list[str] = []
    missed: list[str] = []
    files = dict(files_below(folder))
    for file in sorted(files, key=composed):
        match, told = re.fullmatch(pattern, file), kind(files[file])
        if match and told != "other":
            found.classes[file] = match[1]
            if told == "unread":
                found.unread.add(file)
            continue
        if pattern == FOLDER_PER_CLASS and "/" not in file and not (folder / file).exists():
            raise InputError(f"{folder / file} is a broken link: fix or remove it")
        (ignored if told == "other" else missed).append(file)
    if ignored or missed:
        level = logging.WARNING if missed else logging.INFO  # what could be an image is missed by its owner
        first = (missed or ignored)[0]
        logger.log(level, "%s: %d files are no images of a class, e.g. %s", folder, len(ignored + missed), first)
    return found


def _check_folders(path: Path, classes: list[str]) -> None:
    known = {composed(name) for name in classes}
    for folder in sorted(path.iterdir()):
        if not folder.is_dir() or is_hidden(folder.name) or composed(folder.name) in known:
            continue
        below = [child.name for child in sorted(folder.iterdir()) if child.is_dir()]
        hint = f"; it holds folders: did you mean {folder}?" if below else ""
        raise InputError(f"the class folder {folder} has no image{hint}")
