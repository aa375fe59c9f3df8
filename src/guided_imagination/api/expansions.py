"""An expansion as `expand` returns it, a dataset, in the place of a folder; and the way from a folder to a dataset."""

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Image

from guided_imagination.api.images import same_classes
from guided_imagination.data.dataset import on_disk
from guided_imagination.expansion.store import Expansion
from guided_imagination.utils.errors import InputError

NOTHING_KEPT = "the expansion has no image: all of them were refused; filter=False would keep them"
NEEDED = ("image", "label", "seed_id", "variant", "method")


@dataclass(frozen=True)
class Held:
    """What audits, contact sheets and trainings ask of an expansion, answered by its rows alone."""

    data: Dataset

    @property
    def count(self) -> int:
        return len(self.data)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """How many images there are; what was refused on the way is not known."""
        return {"totals": {"kept": len(self.data)}}

    @cached_property
    def checksum(self) -> str:
        """Of seeds, variants, labels and image bytes in their order."""
        digest = hashlib.blake2b(digest_size=8)
        for row in self.data.with_format(None).cast_column("image", Image(decode=False)):
            digest.update(f"{row['seed_id']}\0{row['variant']}\0{row['label']}\0".encode())
            digest.update(row["image"]["bytes"] or Path(row["image"]["path"]).read_bytes())
        return digest.hexdigest()

    @property
    def seeds_checksum(self) -> str:
        """Not known: `opened` has compared the ids."""
        return ""

    @property
    def ratio(self) -> int:
        return 1 + max(self.data["variant"][:])

    def parts(self) -> Iterator[Dataset]:
        yield self.data

    def stream(self, seeds: Collection[str]) -> Iterator[Mapping[str, Any]]:
        yield from self._of(seeds)

    def of_seed(self, seed_id: str) -> Dataset:
        return self._of([seed_id])

    def _of(self, seeds: Collection[str]) -> Dataset:
        return self.data.select([row for row, seed in enumerate(self.data["seed_id"][:]) if seed in seeds])


class Folder(Expansion):
    """The same of an expansion on disk."""

    @property
    def ratio(self) -> int:
        return int(self.manifest["fingerprint"]["ratio"])


def opened(expansion: Dataset | str | os.PathLike[str], seeds: Dataset) -> tuple[str, Held | Folder]:
    """The method and the images of an expansion of these seeds.

    Raises InputError if it is none, is of other seeds or other classes, or has no image.
    """
    if isinstance(expansion, str | os.PathLike):
        folder = Folder(Path(expansion))
        folder.check_made_of(seeds)
        if not folder.count:
            raise InputError(NOTHING_KEPT)
        return folder.manifest["fingerprint"]["method"], folder
    if not isinstance(expansion, Dataset):
        raise InputError(f"the expansion is a {type(expansion).__name__}; allowed: what expand returned, or its out")
    missing = [name for name in NEEDED if name not in expansion.column_names]
    if missing:
        raise InputError(f"the expansion has no column {missing[0]!r}; needed: what expand returned, or its out")
    if not len(expansion):
        raise InputError(NOTHING_KEPT)
    if not same_classes(expansion, seeds):
        raise InputError("the classes of the expansion and of the images differ: pass the images that it was made from")
    unknown = set(expansion["seed_id"][:]) - set(seeds["id"][:])
    if unknown:
        raise InputError(
            f"the expansion was made from images that are missing here, e.g. {min(unknown)!r}: pass those as well"
        )
    return str(expansion[0]["method"]), Held(expansion)


def side(expansion: Held | Folder) -> int:
    """Of its images, in pixels."""
    part = next(part for part in expansion.parts() if len(part))  # of the first ones all images may be refused
    return int(part[0]["image"].width)


def as_dataset(folder: Path) -> Dataset:
    """The rows of an expansion in `folder`, on disk but in no file that has a name: the folder may go."""
    expansion = Expansion(folder)
    shards = [folder / shard["file"] for shard in expansion.manifest["shards"]]
    schema = pq.read_schema(shards[0])
    return Dataset(on_disk(_batches(shards), schema), fingerprint=expansion.checksum)


def _batches(shards: list[Path]) -> Iterator[pa.RecordBatch]:
    for shard in shards:
        with pq.ParquetFile(shard) as file:
            yield from file.iter_batches(100)
