"""The findings of the report as files that people can open."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from guided_imagination.report.confusion import Confusion
from guided_imagination.report.findings import Findings
from guided_imagination.utils.files import read_json, replacing, write_json

TEXTS = {"recipe_key": str, "code": str}  # digits, but no numbers
FILES = {field.name: f"{field.name}.{'csv' if field.type is pd.DataFrame else 'json'}" for field in fields(Findings)}


class FindingsDataset(AbstractDataset[Findings, Findings]):
    """A CSV file of each table (`results.csv`, say) and a JSON file of all else, in a folder beside others."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def save(self, data: Findings) -> None:
        for name, value in asdict(data).items():
            if isinstance(value, pd.DataFrame):
                with replacing(self._folder / FILES[name]) as file:
                    file.write(value.to_csv(index=False).encode())
            else:
                write_json(self._folder / FILES[name], value)

    def load(self) -> Findings:
        found = {name: self._read(self._folder / file) for name, file in FILES.items()}
        found["confusions"] = {name: Confusion(**each) for name, each in found["confusions"].items()}
        return Findings(**found)

    def _read(self, path: Path) -> Any:
        return pd.read_csv(path, dtype=TEXTS) if path.suffix == ".csv" else read_json(path)

    def preview(self) -> TablePreview:
        """The first results."""
        return TablePreview(self.load().results.head(50).to_dict(orient="split"))

    def _exists(self) -> bool:
        return all((self._folder / file).exists() for file in FILES.values())

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
