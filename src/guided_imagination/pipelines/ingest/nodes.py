"""Nodes of `ingest`."""

from typing import Any

from datasets import Dataset

from guided_imagination.config import DatasetSpec
from guided_imagination.data import ingestion


def read(
    spec: DatasetSpec, draw: int, *, dataset: str
) -> tuple[Dataset, Dataset, Dataset, dict[str, Any], dict[str, Any]]:
    """Seeds, validation and test split of one dataset, their index, and the manifest."""
    splits = ingestion.read(spec, draw)
    index, manifest = ingestion.index(splits), ingestion.manifest(dataset, spec, draw, splits)
    return splits.seeds, splits.validation, splits.test, index, manifest
