"""Nodes of `ingest`."""

from typing import Any

from datasets import Dataset

from guided_imagination.config import DatasetSettings
from guided_imagination.data import ingestion


def read(settings: DatasetSettings) -> tuple[Dataset, Dataset, Dataset, dict[str, Any], dict[str, Any]]:
    """Seeds, validation and test split of one dataset, their index, and the manifest."""
    splits = ingestion.read(settings.spec, settings.draw)
    manifest = ingestion.manifest(settings.dataset, settings.spec, settings.draw, splits)
    return splits.seeds, splits.validation, splits.test, ingestion.index(splits), manifest
