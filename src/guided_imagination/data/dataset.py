"""Datasets in one form: a `datasets.Dataset` with the columns id, image and label (a ClassLabel)."""

import ctypes
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import ClassLabel, Dataset, Features, Image, Value, load_from_disk
from torch import Tensor

from guided_imagination.data.images import rgb, square
from guided_imagination.utils.files import explaining_full_disk, read_json, temporary_folder, write_json

ROWS_BETWEEN_FORGETTING = 4096
ROWS_PER_BATCH, BYTES_PER_BATCH = 64, 2**23  # encoded images in memory while they are written


def features(class_names: list[str]) -> Features:
    """The columns of every dataset of this project."""
    return Features({"id": Value("string"), "image": Image(), "label": ClassLabel(names=class_names)})


def class_names(dataset: Dataset) -> list[str]:
    """Class names in label order."""
    return list(dataset.features["label"].names)


def write(samples: Iterable[tuple[str, bytes, int]], class_names: list[str]) -> Dataset:
    """A dataset of (id, bytes of an image file, label), on disk instead of in memory.

    Its file is in the folder for temporary files (environment variable TMPDIR) and has no name any more:
    the space is free again when the dataset is dropped, also after a crash.
    """
    schema = features(class_names).arrow_schema
    digest = hashlib.blake2b(digest_size=8)

    def batches() -> Iterator[pa.RecordBatch]:
        rows: list[dict[str, Any]] = []
        size = 0
        for sample, content, label in samples:
            rows.append({"id": sample, "image": {"bytes": content, "path": None}, "label": label})
            _update(digest, rows[-1])
            size += len(content)
            if len(rows) == ROWS_PER_BATCH or size > BYTES_PER_BATCH:
                yield pa.RecordBatch.from_pylist(rows, schema=schema)
                rows, size = [], 0
        yield pa.RecordBatch.from_pylist(rows, schema=schema)

    table = on_disk(batches(), schema)
    # without a fingerprint, datasets would read the whole table to make one
    written = Dataset(table, fingerprint=digest.hexdigest())
    _written[written._fingerprint] = digest.hexdigest()
    return written


def on_disk(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """A table that is mapped from a file without a name in the folder for temporary files.

    Raises InputError if there is no room for it.
    """
    with temporary_folder() as folder:
        path = str(folder / "images.arrow")
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        return pa.ipc.open_stream(pa.memory_map(path)).read_all()


def to_tensors(rows: Iterable[Mapping[str, Any]], resolution: int | None = None) -> tuple[Tensor, Tensor]:
    """Images (N, 3, H, W) uint8 and labels (N,) of decoded rows, resized to a square if asked."""
    images, labels = [], []
    for row in rows:
        image = rgb(row["image"])
        if resolution:
            image = square(image, resolution)
        images.append(torch.from_numpy(np.array(image)).permute(2, 0, 1))
        labels.append(row["label"])
    return torch.stack(images), torch.tensor(labels)


RECORD = "checksum.json"
_written: dict[str, str] = {}  # checksums of what this process has written, by fingerprint


def checksum(dataset: Dataset) -> str:
    """A checksum of ids, labels and image bytes in their order; of a saved dataset it is read, if recorded."""
    known = _recorded(dataset) if dataset.cache_files else _written.get(dataset._fingerprint)
    return known or _read_checksum(dataset)


def _read_checksum(dataset: Dataset) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for count, row in enumerate(dataset.with_format(None).cast_column("image", Image(decode=False))):
        _update(digest, row)
        if count % ROWS_BETWEEN_FORGETTING == 0:
            forget(dataset)
    return digest.hexdigest()


def record_checksum(folder: Path, known: str) -> None:
    """Put the checksum of the dataset saved in `folder` beside its files, with what tells if they have changed."""
    saved = load_from_disk(str(folder))
    write_json(folder / RECORD, {"checksum": known, "of": saved._fingerprint, "files": _states(saved)})


def saved(folder: Path, dataset: Dataset) -> Dataset:
    """The dataset as it is once it is saved in `folder`: workers open its files instead of being sent its images."""
    with explaining_full_disk(folder.parent):
        dataset.save_to_disk(str(folder), num_shards=1)
    record_checksum(folder, checksum(dataset))
    return load_from_disk(str(folder))


def is_saved_in(folder: Path, dataset: Dataset) -> bool:
    """Whether a dataset was loaded from `folder` and both are as they were then."""
    files = dataset.cache_files
    return bool(files) and Path(files[0]["filename"]).parent == folder and _recorded(dataset) is not None


def _recorded(dataset: Dataset) -> str | None:
    """What is recorded of a dataset that is as it was saved: all rows and columns, in files that have not changed."""
    record = Path(dataset.cache_files[0]["filename"]).parent / RECORD
    if not record.exists():
        return None
    content = read_json(record)
    as_saved = content["of"] == dataset._fingerprint and content["files"] == _states(dataset)
    return str(content["checksum"]) if as_saved else None


def _states(dataset: Dataset) -> dict[str, list[int]]:
    """Sizes and times of change of the files."""
    states = {path.name: path.stat() for path in (Path(file["filename"]) for file in dataset.cache_files)}
    return {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()}


def _update(digest: Any, row: Mapping[str, Any]) -> None:
    digest.update(f"{row['id']}\0{row['label']}\0".encode())
    content = row["image"]["bytes"]
    digest.update(Path(row["image"]["path"]).read_bytes() if content is None else content)


MAPS = Path("/proc/self/maps")  # Linux; elsewhere the system alone decides what stays in memory
MADV_DONTNEED = 4


def in_batches(images: Dataset, resolution: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """All images (B, 3, H, W) in [0, 1] and their labels (B,), `size` at a time."""
    for start in range(0, len(images), size):
        pixels, labels = to_tensors(images.select(range(start, min(start + size, len(images)))), resolution)
        yield pixels / 255, labels


def forget(dataset: Dataset) -> None:
    """Give back the pages of a memory-mapped dataset that were read; they are read again when they are needed.

    Otherwise every page that was ever read counts as memory of the process, and of a container that limits it.
    """
    files = {str(Path(file["filename"]).resolve()) for file in dataset.cache_files}
    if not files or not MAPS.exists():
        return
    for line in MAPS.read_text().splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and fields[5] in files and fields[1].startswith("r-"):  # never pages that can be written
            start, stop = (int(address, 16) for address in fields[0].split("-"))
            ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), MADV_DONTNEED)
