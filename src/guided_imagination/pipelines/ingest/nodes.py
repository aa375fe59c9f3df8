"""Nodes of `ingest`."""

from datasets import Dataset

from guided_imagination import data
from guided_imagination.config import DatasetSpec


def read(spec: DatasetSpec, draw: int) -> tuple[Dataset, Dataset, Dataset]:
    """Seeds, validation and test split of one dataset."""
    splits = data.read(spec, draw)
    return splits.seeds, splits.validation, splits.test
