"""A table of the report in all of its forms."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from guided_imagination.report.table import Table
from guided_imagination.utils.files import read_json, replacing, write_json


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
