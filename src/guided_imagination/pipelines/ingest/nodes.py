"""Nodes of `ingest`."""

from pathlib import Path
from typing import Any

from datasets import Dataset

from guided_imagination.config import DatasetSettings
from guided_imagination.data import ingestion


def read(settings: DatasetSettings, earlier: Path) -> tuple[Dataset, Dataset, Dataset, dict[str, Any], dict[str, Any]]:
    """Seeds, validation and test split of one dataset, their index, and the manifest.

    What lies in the folder `earlier` is used again where nothing has changed.
    """
    splits = ingestion.read(settings.spec, settings.draw, earlier)
    manifest = ingestion.manifest(settings.dataset, settings.spec, settings.draw, splits)
    return splits.seeds, splits.validation, splits.test, ingestion.index(splits), manifest
