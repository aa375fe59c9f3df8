"""`ingest`: source files -> seeds, validation and test images in one form."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.rows import DatasetSettings

if TYPE_CHECKING:
    from datasets import Dataset


def create_pipeline(datasets: Iterable[str]) -> Pipeline:
    """One namespace per dataset."""
    outputs = ["seeds", "validation", "test", "split", "manifest"]
    node = Node(read, ["params:settings", "earlier"], outputs, name="read", tags="ingest")
    return Pipeline([Pipeline([node], namespace=dataset) for dataset in datasets])


def read(
    settings: DatasetSettings, earlier: Path
) -> "tuple[Dataset, Dataset, Dataset, dict[str, Any], dict[str, Any]]":
    """Seeds, validation and test split of one dataset, their index, and the manifest.

    What lies in the folder `earlier` is used again where nothing has changed.
    """
    from guided_imagination.data import ingestion

    splits = ingestion.read(settings.spec, settings.draw, earlier)
    manifest = ingestion.manifest(settings.dataset, settings.spec, settings.draw, splits)
    return splits.seeds, splits.validation, splits.test, ingestion.index(splits), manifest
