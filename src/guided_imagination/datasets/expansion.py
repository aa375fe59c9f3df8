"""An expansion as a Kedro dataset: the node makes its shards where they stay, the dataset opens them."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview

from guided_imagination.datasets.preview import preview
from guided_imagination.expansion import store
from guided_imagination.expansion.store import Expansion


class ExpansionDataset(AbstractDataset[Expansion, Expansion]):
    """A folder of parquet shards and a manifest; it exists if the manifest and every shard do, at full length.

    Loading opens it without a look, so that a damaged one can be verified; reading its rows checks first.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def save(self, data: Expansion) -> None:
        if data.folder != self._folder:
            raise DatasetError(f"the expansion is in {data.folder}, its catalog entry names {self._folder}")

    def load(self) -> Expansion:
        return Expansion(self._folder)

    def preview(self) -> ImagePreview:
        """The first images of the first seeds."""
        return preview(row["image"] for row in self.load().stream())

    def _exists(self) -> bool:
        return store.is_complete(self._folder)

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._folder)}
