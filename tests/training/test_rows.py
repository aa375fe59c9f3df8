import json
import multiprocessing
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from guided_imagination.config import Architecture
from guided_imagination.config.models import ONE_WORKER
from guided_imagination.config.training import TrainConfig
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.training import cells
from guided_imagination.training.cells import CELL_COLUMNS, begin_row
from guided_imagination.training.grid import Cell
from guided_imagination.training.sources import Sources
from helpers.cells import ARCHITECTURE, RECIPE, Journal
from helpers.settings import training
from helpers.toy import NAMES, ToyAugmenter, dataset, plan

GRID = TrainConfig(architectures=["tiny"], recipes=["short"], seeds=1, evaluate_on="test", log_points=1)
SEEDS, TEST = dataset([0, 1, 0, 1], NAMES), dataset([0, 1, 1], NAMES)


def sources(variants=None, seeds=SEEDS, measured=TEST, validation=SEEDS, split="test", resolution=8):
    return Sources(seeds, variants, validation, measured, split, resolution)


def train(models: Path, images: Sources, *ratios: int):
    row = [Cell("pets", "gif", ratio, "tiny", "short", 0) for ratio in ratios or (0,)]
    return begin_row(
        row,
        images,
        training(GRID),
        models=models,
        hub=Path(),
        compute=ONE_WORKER,
        track=Journal().track,
    ).finish()


@pytest.fixture
def expanded(tmp_path):
    expand(tmp_path / "expanded", plan(ToyAugmenter()))  # two variants of four seeds
    return Expansion(tmp_path / "expanded")


def test_a_row_trains_on_seeds_and_expansion(tmp_path, expanded):
    splits = sources(expanded, resolution=6).decode(tmp_path / "images", "gif")(
        Cell("pets", "gif", 2, "tiny", "short", 0)
    )
    images, labels = splits.train[torch.arange(12)]
    assert images.shape == (4 + 8, 3, 6, 6)
    assert labels.tolist() == [0, 1, 0, 1] + [0, 0, 1, 1] * 2
    assert len(splits.train) == 12
    assert len(splits.validation) == 4
    assert len(splits.measured) == 3


def test_a_smaller_ratio_trains_on_the_first_variants(tmp_path, expanded):
    load = sources(expanded).decode(tmp_path / "images", "gif")
    everything, fewer = (load(Cell("pets", "gif", ratio, "tiny", "short", 0)).train for ratio in (2, 1))
    assert torch.equal(
        fewer[torch.arange(8)][0], everything[torch.tensor([0, 1, 2, 3, 4, 6, 8, 10])][0]
    )  # every other variant


def test_without_validation_images_none_are_watched(tmp_path):
    splits = sources(validation=SEEDS.select([])).decode(tmp_path / "images", "gif")(
        Cell("pets", "x", 0, "tiny", "short", 0)
    )
    assert splits.validation is None


def test_a_finished_row_leaves_no_decoded_images(tmp_path, expanded):
    table, _ = train(tmp_path / "models", sources(expanded), 1, 2)
    assert table["ratio"].tolist() == [1, 2]
    left = [path.name for path in (tmp_path / "models" / "pets" / "images").iterdir()]
    assert [name.split("-")[0] for name in left] == ["split"] * 2, "what the rows of a dataset share stays"


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": dataset([0, 1, 1, 1])},
        {"measured": dataset([0, 1])},
        {"validation": dataset([0, 1, 1])},
        {"split": "validation"},
        {"resolution": 12},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_row_of_other_images_is_trained_again(tmp_path, change):
    train(tmp_path, sources())
    (result,) = tmp_path.rglob("result.json")
    before = result.stat().st_mtime_ns
    train(tmp_path, sources())
    assert result.stat().st_mtime_ns == before
    train(tmp_path, sources(**change))
    assert result.stat().st_mtime_ns != before


def test_another_expansion_is_another_cell(tmp_path, expanded):
    expand(tmp_path / "other", plan(ToyAugmenter(), settings={"eps": 0.2}))
    train(tmp_path / "models", sources(expanded), 2)
    (result,) = (tmp_path / "models").rglob("result.json")
    before = result.stat().st_mtime_ns
    train(tmp_path / "models", sources(Expansion(tmp_path / "other")), 2)
    assert result.stat().st_mtime_ns != before


def test_images_that_were_made_again_are_another_cell(tmp_path, expanded):
    """The same settings on another machine: the fingerprint is the same, the shards are not."""
    train(tmp_path / "models", sources(expanded), 2)
    (result,) = (tmp_path / "models").rglob("result.json")
    before = result.stat().st_mtime_ns
    path = expanded.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["shards"][0]["checksum"] = "0" * 64
    path.write_text(json.dumps(manifest))
    train(tmp_path / "models", sources(expanded), 2)
    assert result.stat().st_mtime_ns != before


def train_grid(folder: Path, pause: float = 0) -> pd.DataFrame:
    """2 architectures x 8 rows x 2 seeds; the name of every cell that is trained goes to the file `trained`."""
    architectures = {"a": ARCHITECTURE, "b": Architecture(model="resnet10t", arguments={"channels": [4, 4, 4, 8]})}
    original = cells.train_classifier

    def counted(*args, name, **options):
        with (folder / "trained").open("a") as file:
            file.write(name + "\n")
        trained = original(*args, name=name, **options)
        time.sleep(pause)
        return trained

    tables = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "train_classifier", counted)
        for row in range(8):
            recipe = RECIPE.model_copy(update={"mixup": 0.1 * row})
            table, failures = begin_row(
                [Cell("pets", f"row{row}", 0, name, "short", seed) for name in architectures for seed in (0, 1)],
                sources(),
                training(GRID.model_copy(update={"architectures": list(architectures)}), short=recipe).model_copy(
                    update={"architectures": architectures}
                ),
                models=folder / "models",
                hub=Path(),
                compute=ONE_WORKER,
                track=Journal().track,
            ).finish()
            assert not failures
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def trained(folder: Path) -> list[str]:
    path = folder / "trained"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.skipif(sys.platform != "linux", reason="needs fork")
def test_a_grid_killed_in_the_middle_trains_no_finished_cell_twice_and_ends_with_the_same_table(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    process = multiprocessing.get_context("fork").Process(target=train_grid, args=(killed, 0.1))
    process.start()
    while len(trained(killed)) < 15:
        assert process.is_alive()
        time.sleep(0.01)
    process.kill()  # SIGKILL
    process.join()
    finished = {path.parent for path in killed.rglob("result.json")}
    assert 14 <= len(finished) < 32
    resumed = train_grid(killed)

    times = pd.Series(trained(killed)).value_counts()
    assert len(times) == 2 * 8 * 2
    assert times.sum() <= 32 + 1  # at most the cell in which the kill fell was begun again
    measured = [*CELL_COLUMNS, "accuracy", "macro_f1", "auc", "ece"]
    pd.testing.assert_frame_equal(train_grid(whole)[measured], resumed[measured], check_exact=True)


def test_all_rows_get_the_updates_of_the_largest_row(tmp_path):
    """Two passes over four seeds and five variants of each, in batches of four."""
    recipe = RECIPE.model_copy(update={"updates": None, "passes": 2})
    row = [Cell("pets", "gif", 0, "tiny", "short", 0)]
    settings = training(GRID, largest_ratio=5, short=recipe)
    table, _ = begin_row(
        row, sources(), settings, models=tmp_path, hub=Path(), compute=ONE_WORKER, track=Journal().track
    ).finish()
    assert table["updates"].item() == 12
