"""Files that are replaced as a whole, and the path of a folder."""

from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets.json import json_dataset
from kedro_datasets.pandas import csv_dataset
from kedro_datasets.text import text_dataset

from guided_imagination.utils.files import replacing


class Whole:
    """Mixed into a dataset of one local file: it is replaced when all is written, never changed in place."""

    _filepath: PurePosixPath
    _temporary: PurePosixPath | None = None

    def save(self, data: Any) -> None:
        with replacing(Path(self._filepath)) as file:
            self._temporary = PurePosixPath(file.name)
            try:
                super().save.__wrapped__(self, data)  # type: ignore[misc]  # Kedro's wrapper would hide a full disk
            finally:
                self._temporary = None

    def _get_save_path(self) -> PurePosixPath:
        return self._temporary or self._filepath


class JSONDataset(Whole, json_dataset.JSONDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """A JSON file."""


class FailuresDataset(JSONDataset):
    """Errors of failed cells by name. With an error in it, it does not count as made: the row that failed is run again.

    (`kedro run --only-missing-outputs` skips a node whose outputs exist.)
    """

    def _exists(self) -> bool:
        return bool(super()._exists() and not self.load())


class CSVDataset(Whole, csv_dataset.CSVDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """A data frame as a CSV file."""


class TextDataset(Whole, text_dataset.TextDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """A text file."""


class FolderDataset(AbstractDataset[None, Path]):
    """The path of a folder, whether it is there or not."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def save(self, data: None) -> None:
        raise DatasetError(f"{self._folder} is written by other datasets")

    def load(self) -> Path:
        return self._folder

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
