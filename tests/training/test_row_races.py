"""Rows of one folder that are trained at once, and what the rows of a dataset share."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from datasets import Dataset

from guided_imagination.config.models import ONE_WORKER
from guided_imagination.config.training import TrainConfig
from guided_imagination.data import arrays
from guided_imagination.training import cells
from guided_imagination.training.cells import begin_row
from guided_imagination.training.grid import Cell
from guided_imagination.training.sources import Sources
from helpers.cells import Journal
from helpers.settings import training
from helpers.stores import fork, outcome
from helpers.toy import NAMES, dataset

GRID = TrainConfig(
    architectures=["tiny", "other"], recipes=["short"], seeds=1, evaluate_on="test", log_points=1, ratios=[1]
)
SEEDS, TEST = dataset([0, 1, 0, 1], NAMES), dataset([0, 1, 1], NAMES)


def wait_for(path):
    """Until the other process has come so far; at most a second, for it may have to wait itself."""
    end = time.monotonic() + 1
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)


def train(models, method="gif", architecture="tiny", variants=None, seeds=SEEDS, validation=SEEDS, measured=TEST):
    row = [Cell("pets", method, 1, architecture, "short", 0)]
    sources = Sources(seeds, variants, validation, measured, "test", 8)
    table, failures = begin_row(
        row, sources, training(GRID), models=models, hub=Path(), compute=ONE_WORKER, track=Journal().track
    ).finish()
    assert not failures
    return table


@dataclass
class Slow:
    """Four variants, which come when `seen` is there; `begun` says that they are wanted."""

    begun: object
    seen: object
    count: int = 4
    checksum: str = "slow"
    seeds_checksum: str = ""

    def parts(self) -> Iterator[Dataset]:
        self.begun.touch()
        wait_for(self.seen)
        yield SEEDS.add_column("variant", [0] * 4)


@pytest.mark.parametrize("seeds", [SEEDS, dataset([1, 1, 0, 0], NAMES)], ids=["the same images", "other images"])
def test_two_architectures_of_one_row_are_trained_side_by_side(tmp_path, seeds):
    """The second begins and ends while the first decodes; with the same images it waits for those."""
    begun, seen = tmp_path / "begun", tmp_path / "seen"
    models = tmp_path / "models"

    def second():
        wait_for(begun)
        variants = Slow(tmp_path / "too", tmp_path) if seeds is SEEDS else None
        train(models, architecture="other", variants=variants, seeds=seeds)
        seen.touch()

    first = fork(lambda: train(models, variants=Slow(begun, seen)))
    assert [outcome(process) for process in (first, fork(second))] == [0, 0]
    assert not (tmp_path / "too").exists(), "images are decoded once"
    assert len(list(models.rglob("result.json"))) == 2
    left = [path.name.split("-")[0] for path in (models / "pets" / "images").iterdir()]
    assert set(left) == {"split"}, "what the rows of a dataset share stays"


def test_two_runs_of_one_cell_train_it_once(tmp_path, monkeypatch):
    original, trained, models = cells.train_classifier, tmp_path / "trained", tmp_path / "models"

    def slow(*args, **options):
        with trained.open("a") as file:
            file.write("once\n")
        time.sleep(0.3)
        return original(*args, **options)

    monkeypatch.setattr(cells, "train_classifier", slow)
    tables = [tmp_path / name for name in "ab"]
    processes = [fork(lambda path=path: train(models).to_json(path)) for path in tables]
    assert [outcome(process) for process in processes] == [0, 0]
    assert trained.read_text() == "once\n"
    first, second = (json.loads(path.read_text()) for path in tables)
    assert first == second
    assert not list(models.rglob("*.lock"))


@pytest.fixture
def read(monkeypatch):
    """The number of images that were decoded since it was asked last."""
    original, count = arrays.to_tensors, []

    def counted(rows, resolution):
        count.append(len(rows))
        return original(rows, resolution)

    monkeypatch.setattr(arrays, "to_tensors", counted)

    def since():
        number = sum(count)
        count.clear()
        return number

    return since


def test_validation_and_measured_images_are_decoded_once_for_all_rows_of_a_dataset(tmp_path, read):
    validation = dataset([1, 0], NAMES)
    row = partial(train, tmp_path, validation=validation)
    row("gif")
    assert read() == 4 + 2 + 3
    row("mixup")
    assert read() == 4, "its seeds"
    row("cutmix", measured=validation)
    assert read() == 4, "what measures is what is watched"
    row("randaugment")
    assert read() == 4 + 3, "nobody used the test images any more"
