"""One small expansion that the tests of the API look at."""

from pathlib import Path

import pytest
from datasets import Dataset

import guided_imagination

SHARDS = {"expand_dalle": {"seeds_per_shard": 7}}  # three shards of twenty seeds


@pytest.fixture(scope="session")
def garments() -> tuple[Dataset, Dataset]:
    return guided_imagination.example(seeds_per_class=2)


@pytest.fixture(scope="session")
def seeds(garments: tuple[Dataset, Dataset]) -> Dataset:
    """Two garments of each class."""
    return garments[0]


@pytest.fixture(scope="session")
def test_images(garments: tuple[Dataset, Dataset]) -> Dataset:
    """Two hundred other garments."""
    return garments[1].select(range(0, 2000, 10))


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api") / "garments"


@pytest.fixture(scope="session")
def expansion(seeds: Dataset, out: Path) -> Dataset:
    """By gif_dalle, kept in `out`."""
    return guided_imagination.expand(seeds, ratio=2, out=out, settings=SHARDS)
