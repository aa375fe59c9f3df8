"""Datasets in one form: a `datasets.Dataset` with the columns id, image and label (a ClassLabel)."""

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from datasets import ClassLabel, Dataset, Features, Image, Value
from PIL import Image as PILImage
from PIL import UnidentifiedImageError
from torch import Tensor

from guided_imagination.config import DatasetSpec
from guided_imagination.errors import InputError
from guided_imagination.randomness import generator


@dataclass(frozen=True)
class Splits:
    """Seeds to expand, validation data for every choice, test data for the final number only."""

    seeds: Dataset
    validation: Dataset
    test: Dataset


def features(class_names: list[str]) -> Features:
    """The columns of every dataset of this project."""
    return Features({"id": Value("string"), "image": Image(), "label": ClassLabel(names=class_names)})


def class_names(dataset: Dataset) -> list[str]:
    """Class names in label order."""
    return list(dataset.features["label"].names)


def read_parquet(path: Path) -> Dataset:
    """A parquet file with the columns of `features`.

    Raises InputError for a missing file, a file that is no parquet, or other columns.
    """
    try:
        dataset = Dataset(pq.read_table(path))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable parquet file ({error})") from error
    missing = {"id", "image", "label"} - set(dataset.column_names)
    if missing:
        raise InputError(f"{path} has no column {sorted(missing)[0]!r}; needed: id, image, label")
    return dataset


def read(spec: DatasetSpec, draw: int) -> Splits:
    """The splits of a dataset; `draw` chooses which seeds and validation images come out of the pool.

    Every image is decoded once. Raises InputError if one cannot be, if train and test differ in
    classes, or if a class has fewer images than asked.
    """
    pool, test = read_parquet(Path(spec.train)), read_parquet(Path(spec.test))
    if class_names(pool) != class_names(test):
        raise InputError(f"{spec.train} and {spec.test} have different classes")
    for dataset, path in ((pool, spec.train), (test, spec.test)):
        for row in dataset.with_format(None).cast_column("image", Image(decode=False)):
            decode(row, path)
    if spec.seeds_per_class is None:
        return Splits(pool, pool.select([]), test)
    seeds, rest = draw_per_class(pool, spec.seeds_per_class, "seeds", draw)
    validation, _ = draw_per_class(pool.select(rest), spec.validation_per_class, "validation", draw)
    return Splits(pool.select(seeds).flatten_indices(), pool.select(rest).select(validation).flatten_indices(), test)


def draw_per_class(dataset: Dataset, count: int, *seed: object) -> tuple[list[int], list[int]]:
    """Row numbers of a seeded draw of `count` images of every class, and those of the rest, both sorted.

    Raises InputError if a class has fewer than `count` images.
    """
    labels = np.asarray(dataset["label"])
    order = torch.randperm(len(labels), generator=generator(*seed)).numpy()
    drawn: list[int] = []
    for label, name in enumerate(class_names(dataset)):
        members = order[labels[order] == label]
        if len(members) < count:
            raise InputError(f"class {name!r} has {len(members)} images, {count} were asked for")
        drawn += members[:count].tolist()
    return sorted(drawn), sorted(set(range(len(labels))) - set(drawn))


def decode(row: Mapping[str, Any], place: object) -> PILImage.Image:
    """The RGB image of a row with undecoded image bytes. Raises InputError that names a corrupt one."""
    try:
        image = Image().decode_example(row["image"])
        return image.convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise InputError(f"image {row['id']!r} of {place} cannot be decoded ({error})") from error


def to_tensors(rows: Iterable[Mapping[str, Any]], resolution: int | None = None) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W) uint8 and labels (N,) of decoded rows, resized to a square if asked."""
    images, labels = [], []
    for row in rows:
        image = row["image"].convert("RGB")
        if resolution and image.size != (resolution, resolution):
            image = image.resize((resolution, resolution), PILImage.Resampling.BICUBIC)
        images.append(torch.from_numpy(np.array(image)).permute(2, 0, 1))
        labels.append(row["label"])
    return torch.stack(images), torch.tensor(labels)


def fingerprint(dataset: Dataset) -> str:
    """A checksum of ids, labels and image bytes in their order."""
    digest = hashlib.blake2b(digest_size=8)
    for row in dataset.with_format(None).cast_column("image", Image(decode=False)):
        digest.update(f"{row['id']}\0{row['label']}\0".encode())
        digest.update(row["image"]["bytes"] or b"")
    return digest.hexdigest()


def encode_png(pixels: Tensor) -> bytes:
    """PNG of an image (3, H, W) uint8."""
    buffer = io.BytesIO()
    PILImage.fromarray(pixels.permute(1, 2, 0).numpy()).save(buffer, "PNG")
    return buffer.getvalue()
