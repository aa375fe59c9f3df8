"""An expansion as a Kedro dataset: saving a plan makes it, shard by shard; loading reads it back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import ImagePreview

from guided_imagination.datasets.preview import preview
from guided_imagination.expansion import store
from guided_imagination.expansion.store import Expansion

if TYPE_CHECKING:
    from guided_imagination.expansion.plan import Plan


class ExpansionDataset(AbstractDataset["Plan", Expansion]):
    """A folder of parquet shards and a manifest; it exists if the manifest and every shard do, at full length.

    Loading opens it without a look, so that a damaged one can be verified; reading its rows checks first.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = Path(filepath)
        self.metadata = metadata

    def save(self, data: "Plan") -> None:
        from guided_imagination.expansion.expand import expand  # imports the generators, which a reader does not need

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
