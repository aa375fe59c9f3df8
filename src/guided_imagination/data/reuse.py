"""What an earlier `ingest` has made, used again where nothing that shapes it has changed."""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import PIL
from datasets import Dataset, load_from_disk

from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.data.dataset import checksum
from guided_imagination.data.images import READS_HEIF
from guided_imagination.data.sources import places
from guided_imagination.data.sources.walk import files_below
from guided_imagination.utils.files import read_json

logger = logging.getLogger(__name__)
LATER = {"resolution", "ratio", "templates", "weed", "overrides", "licence"}  # settings that shape no split
EXAMINED = ("quarantined", "copies")  # what decoding all images finds, as manifests name it
DRAWING = {"seeds_per_class", "seeds_total", "validation_per_class", "test_share", "split"}


@dataclass(frozen=True)
class Keys:
    """Differ from those of every source and setting with other results: `images` is of what is read and which
    images are left out, `splits` also of how they are drawn."""

    images: str
    splits: str


def keys(spec: DatasetSpec, draw: int) -> Keys:
    """From names, sizes and times of change of the source's files, the settings, and this package's code."""
    settings = spec.model_dump(mode="json", exclude=LATER)
    of_images = {name: value for name, value in settings.items() if name not in DRAWING}
    images = _digest([_code(), PIL.__version__, READS_HEIF, of_images, list(_states(places(spec.source)))])
    index = Path(spec.split).read_text() if spec.split and Path(spec.split).is_file() else None
    return Keys(images, _digest([images, settings, draw, index]))


@dataclass(frozen=True)
class Earlier:
    """The folder that an earlier `ingest` wrote to, with what its manifest says; {} if there is none."""

    folder: Path
    manifest: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "Earlier":
        try:
            return cls(folder, read_json(folder / "manifest.json"))
        except (FileNotFoundError, ValueError):
            return cls(folder, {})

    def examined(self, wanted: Keys) -> tuple[Any, Any] | None:
        """Which images of a source of these keys cannot be read, and which are copies; None if it was another."""
        if self.manifest.get("keys", {}).get("images") != wanted.images:
            return None
        quarantined, copies = (self.manifest[name] for name in EXAMINED)
        return quarantined, copies

    def splits(self, wanted: Keys) -> dict[str, Dataset] | None:
        """Seeds, validation and test images if they were made with these keys and are still what they were."""
        if self.manifest.get("keys", {}).get("splits") != wanted.splits:
            return None
        try:
            found = {part: load_from_disk(str(self.folder / part)) for part in self.manifest["splits"]}
        except (OSError, ValueError, KeyError) as error:  # of any file that is missing or damaged
            logger.info("%s is rebuilt (%s)", self.folder, error)
            return None
        same = all(checksum(images) == self.manifest["splits"][part]["checksum"] for part, images in found.items())
        return found if same else None


def _states(roots: Iterable[Path]) -> Iterator[list[Any]]:
    """Path, size and time of change of every file but hidden ones; only the path of what is missing."""
    for root in roots:
        if root.is_dir():
            yield from sorted([entry.path, *_state(entry.path)] for _, entry in files_below(root, strict=False))
        else:
            yield [str(root), *_state(root)]


def _state(path: str | Path) -> list[int]:
    try:
        state = os.stat(path)  # noqa: PTH116 # much faster
    except OSError:
        return []
    return [state.st_size, state.st_mtime_ns]


@cache
def _code() -> str:
    """A checksum of the code that reads, checks and draws images."""
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return _digest([file.read_text(encoding="utf-8") for file in files])


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()
