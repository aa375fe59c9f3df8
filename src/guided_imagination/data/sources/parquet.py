"""Parquet files as `datasets` writes them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Features

from guided_imagination.config.datasets import ParquetSource
from guided_imagination.data.sources.base import Opened, Part
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import check_regular

ROWS_IN_MEMORY = 64
READ_AHEAD = 2**20  # bytes; without it a whole row group of images is read at once


def open_parquet(source: ParquetSource) -> Opened:
    """The parts train, val and test. Raises InputError for a missing file, another format, other columns or classes."""
    files = {"train": source.train, "val": source.val, "test": source.test}
    paths = {part: partial(_paths, names) for part, names in files.items() if names}
    return open_files(source.train[0], paths, source.image_column, source.label_column)


def open_files(
    place: str, files: Mapping[str, Callable[[], list[Path]]], image_column: str, label_column: str
) -> Opened:
    """Parts made of files; the names of the classes are those in the first file."""
    first = next(iter(files.values()))()[0]
    classes = _classes(first, label_column)

    def part(name: str, paths: Callable[[], list[Path]]) -> Part:
        for path in paths():
            if _classes(path, label_column) != classes:
                raise InputError(f"{first} and {path} have different classes")
        return _part(name, paths(), image_column, label_column)

    return Opened(place, classes, {name: partial(part, name, paths) for name, paths in files.items()})


def with_images(names: Sequence[str], image_column: str) -> list[Path]:
    """Parquet files, and where they do not say that they embed their images, all that lies beside them."""
    paths = _paths(names)
    return [*paths, *sorted({path.parent for path in paths if path.is_file() and not _embeds(path, image_column)})]


def _embeds(path: Path, image_column: str) -> bool:
    with _open(path) as file:
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    found = [
        column.statistics for column in columns if column.path_in_schema in (image_column, f"{image_column}.bytes")
    ]
    return all(statistics is not None and statistics.null_count == 0 for statistics in found)


def _paths(names: Sequence[str]) -> list[Path]:
    return [Path(name) for name in names]


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(check_regular(path), pre_buffer=False, buffer_size=READ_AHEAD)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable parquet file ({error})") from error


def _classes(path: Path, label_column: str) -> list[str] | None:
    with _open(path) as file:
        label = Features.from_arrow_schema(file.schema_arrow).get(label_column)
    return list(label.names) if isinstance(label, ClassLabel) and label.names else None


def _part(name: str, paths: Sequence[Path], image_column: str, label_column: str) -> Part:
    ids: list[str] = []
    labels = []
    for path in paths:
        with _open(path) as file:
            columns = file.schema_arrow.names
            for needed in (image_column, label_column):
                if needed not in columns:
                    raise InputError(f"{path} has no column {needed!r}, it has {', '.join(columns)}")
            label = file.read(columns=[label_column])[label_column]
            if not pa.types.is_integer(label.type):
                raise InputError(
                    f"{path}: the column {label_column!r} is {label.type}; needed: a ClassLabel or integers"
                )
            labels.append(label.cast(pa.int64()).fill_null(-1).to_numpy())
            if "id" in columns:
                ids += map(str, file.read(columns=["id"])["id"].to_pylist())
            else:
                ids += [f"{name}/{len(ids) + row:05d}" for row in range(len(label))]
    return Part(ids, np.concatenate(labels), _Images(paths, image_column))


class _Images:
    """Encoded images by row, a few of them in memory; going back starts a new pass."""

    def __init__(self, paths: Sequence[Path], column: str) -> None:
        self._paths, self._column = paths, column
        self._restart()

    def _restart(self) -> None:
        self._batches, self._start = self._read(), 0
        self._batch: list[tuple[Path, Any]] = []

    def _read(self) -> Iterator[list[tuple[Path, Any]]]:
        for path in self._paths:
            with _open(path) as file:
                for batch in file.iter_batches(ROWS_IN_MEMORY, columns=[self._column]):
                    yield [(path, value) for value in batch.column(0).to_pylist()]

    def __call__(self, row: int) -> bytes:
        if row < self._start:
            self._restart()
        while row >= self._start + len(self._batch):
            self._start += len(self._batch)
            self._batch = next(self._batches)
        path, value = self._batch[row - self._start]
        return _content(path.parent, value)


def _content(folder: Path, value: Any) -> bytes:
    """The bytes of an image, read from its file below `folder` if they are not embedded.

    Raises InputError for a path that leads out of `folder`: a table from elsewhere may name any file of this machine.
    """
    if isinstance(value, dict) and value.get("bytes") is None and value.get("path"):
        # both spellings on every system; links are followed, for those of the hub's cache lead to its blobs
        for path in (PurePosixPath(value["path"]), PureWindowsPath(value["path"])):
            if path.anchor or ".." in path.parts:
                raise InputError(
                    f"a table in {folder} names an image by the path {value['path']!r}: allowed are relative paths "
                    "below the table's folder, or images inside the table"
                )
        return check_regular(folder / value["path"]).read_bytes()
    content = value["bytes"] if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        raise ValueError("there are no images")
    return content
