"""Nodes of `ingest`."""

from pathlib import Path
from typing import Any

from datasets import Dataset

from guided_imagination.config import DatasetSpec
from guided_imagination.data import ingestion


def read(
    spec: DatasetSpec, draw: int, earlier: Path, *, dataset: str
) -> tuple[Dataset, Dataset, Dataset, dict[str, Any], dict[str, Any]]:
    """Seeds, validation and test split of one dataset, their index, and the manifest.

    What lies in the folder `earlier` is used again where nothing has changed.
    """
    splits = ingestion.read(spec, draw, earlier)
    index, manifest = ingestion.index(splits), ingestion.manifest(dataset, spec, draw, splits)
    return splits.seeds, splits.validation, splits.test, index, manifest
