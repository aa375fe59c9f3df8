"""Kedro datasets of this project."""

from guided_imagination.datasets.expansion_dataset import ExpansionDataset as ExpansionDataset
