"""An expansion as a Kedro dataset: saving a plan makes it, shard by shard; loading reads it back."""

from base64 import b64encode
from collections.abc import Iterable
from io import BytesIO
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from datasets import Dataset
from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview, TablePreview
from kedro_datasets.huggingface.arrow_dataset import ArrowDataset
from kedro_datasets.json import json_dataset
from kedro_datasets.matplotlib.matplotlib_dataset import MatplotlibDataset
from kedro_datasets.pandas import csv_dataset
from kedro_datasets.text import text_dataset
from PIL import Image

from guided_imagination.data.dataset import checksum, is_saved_in, record_checksum
from guided_imagination.expansion import store
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.plan import Plan
from guided_imagination.expansion.store import Expansion
from guided_imagination.report.table import Table
from guided_imagination.utils.files import read_json, replacing, replacing_folder, write_json


class ExpansionDataset(AbstractDataset[Plan, Expansion]):
    """A folder of parquet shards and a manifest; it exists if the manifest and every shard do, at full length.

    Loading opens it without a look, so that a damaged one can be verified; reading its rows checks first.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def save(self, data: Plan) -> None:
        expand(self._folder, data)

    def load(self) -> Expansion:
        return Expansion(self._folder)

    def preview(self) -> ImagePreview:
        """The first images of the first seeds."""
        return preview(row["image"] for row in self.load().stream())

    def _exists(self) -> bool:
        return store.is_complete(self._folder)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}


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


class FigureDataset(Whole, MatplotlibDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """Takes a matplotlib figure; gives back the bytes of the PNG that it was saved as."""

    def load(self) -> bytes:
        return self._fs.cat_file(str(self._get_load_path()))


class ImagesDataset(ArrowDataset):  # type: ignore[misc]  # kedro_datasets is not typed
    """A Hugging Face dataset with the columns id, image and label; its folder is replaced as a whole.

    Others may have the files of the old one mapped: those stay as they were until they are closed.
    """

    def load(self) -> Dataset:
        while True:  # not half of an old and half of a new folder
            before = self._inode()
            images = super().load()
            if self._inode() == before:
                return images

    def _inode(self) -> int:
        folder = Path(self._get_load_path())
        return folder.stat().st_ino if folder.exists() else 0

    def _save_dataset(self, data: Dataset, save_path: str) -> None:
        if is_saved_in(Path(save_path), data):
            return
        with replacing_folder(Path(save_path)) as new:
            super()._save_dataset(data, str(new))
            record_checksum(new, checksum(data))

    def preview(self) -> ImagePreview:
        """Images from all over the split, which may be sorted by class."""
        images = self.load()["image"]
        step = max(1, len(images) // (COLUMNS * ROWS))
        return preview(images[index] for index in range(0, len(images), step))


class TableDataset(AbstractDataset[Table, Table]):
    """A folder with one table in the forms that people need (CSV, Markdown, LaTeX), and as JSON to load it again."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        # kedro-mlflow logs the folder of this name
        self._filepath = Path(filepath)
        self.metadata = metadata

    def save(self, data: Table) -> None:
        forms = {"csv": data.frame().to_csv(index=False), "md": data.markdown(), "tex": data.latex()}
        for ending, text in forms.items():
            with replacing(self._filepath / f"{self._filepath.name}.{ending}") as file:
                file.write(text.encode())
        write_json(self._json, data.to_json())

    def load(self) -> Table:
        return Table.from_json(read_json(self._json))

    def preview(self) -> TablePreview:
        """The table as people read it."""
        return TablePreview(self.load().frame().to_dict(orient="split"))

    @property
    def _json(self) -> Path:
        return self._filepath / f"{self._filepath.name}.json"

    def _exists(self) -> bool:
        return self._json.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


SIDE, COLUMNS, ROWS = 96, 8, 4  # pixels of an image; images


def preview(images: Iterable[Image.Image]) -> ImagePreview:
    """The first images in rows of eight, as a PNG in base64."""
    shown = list(islice(images, COLUMNS * ROWS))
    columns, rows = min(len(shown), COLUMNS), -(-len(shown) // COLUMNS)
    sheet = Image.new("RGB", (max(columns, 1) * SIDE, max(rows, 1) * SIDE), "white")
    for index, image in enumerate(shown):
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(small, (index % COLUMNS * SIDE, index // COLUMNS * SIDE))
    file = BytesIO()
    sheet.save(file, format="PNG")
    return ImagePreview(b64encode(file.getvalue()).decode())
