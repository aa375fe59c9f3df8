import json
from contextlib import contextmanager
from functools import partial

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from guided_imagination import training
from guided_imagination.config import Architecture, Recipe, TrainConfig
from guided_imagination.device import CPU
from guided_imagination.optimisation import fit
from guided_imagination.randomness import batch_indices, generator
from guided_imagination.store import Expansion, write
from toy import NAMES, ToyMaker, dataset, plan

ARCHITECTURE = Architecture(model="resnet10t", arguments={"channels": [4, 4, 4, 4]})
RECIPE = Recipe(
    updates=4,
    batch_size=4,
    optimizer="sgd",
    learning_rate=0.01,
    weight_decay=0,
    warmup=0,
    label_smoothing=0,
    rotation=5,
    translation=0.1,
    flip=0.5,
)
CONFIG = TrainConfig(architectures=["tiny"], recipe="short", seeds=2, evaluate_on="test", log_points=2)
CELL = training.Cell("pets", "original", 0, "tiny", "short", 0)


class Threshold(nn.Module):
    """Class 1 if the image is brighter than grey."""

    def forward(self, images):
        mean = images.mean((1, 2, 3))
        return torch.stack([-mean, mean], 1)


def labelled(count):
    images = torch.randint(256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator("images", count))
    return training.Labelled(images, torch.arange(count) % 2)


SPLITS = training.Splits(labelled(8), labelled(4), labelled(6))


def train_cell(folder, cell=CELL, recipe=RECIPE, config=CONFIG, inputs="abc", splits=SPLITS):
    logged = []
    result = training.train_cell(
        cell,
        splits,
        ARCHITECTURE,
        recipe,
        config,
        classes=2,
        folder=folder,
        inputs=inputs,
        placement=CPU,
        log=lambda metrics, step: logged.append((metrics, step)),
    )
    return result, logged


def test_accuracy_is_the_percentage_of_right_answers():
    grey = torch.tensor([0, 255, 255, 0, 255], dtype=torch.uint8)
    data = training.Labelled(grey.view(5, 1, 1, 1).expand(5, 3, 4, 4), torch.tensor([0, 1, 0, 1, 1]))
    assert training.evaluate(Threshold(), data, batch_size=2) == pytest.approx(60)  # 3 of 5, the last batch is short


def test_evaluation_uses_running_statistics_and_returns_to_training():
    model = nn.Sequential(nn.BatchNorm2d(3), Threshold()).train()
    before = model[0].running_mean.clone()
    training.evaluate(model, SPLITS.measured)
    assert torch.equal(model[0].running_mean, before)
    assert model.training


def test_a_cell_keeps_its_result_and_weights(tmp_path):
    result, _ = train_cell(tmp_path)
    assert json.loads((tmp_path / "result.json").read_text())["accuracy"] == result["accuracy"]
    assert 0 <= result["accuracy"] <= 100
    assert load_file(tmp_path / "model.safetensors")["fc.weight"].shape[0] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "result.json"]


def test_a_cell_is_the_same_every_time(tmp_path):
    assert train_cell(tmp_path / "a")[0] == train_cell(tmp_path / "b")[0]
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)


def mark(folder):
    """Put an impossible accuracy into a finished cell, to see whether it is read or trained again."""
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "accuracy": -1}))


def test_a_finished_cell_is_not_trained_again_but_logged(tmp_path):
    _, logged = train_cell(tmp_path)
    mark(tmp_path)
    result, logged_again = train_cell(tmp_path)
    assert result["accuracy"] == -1
    assert [tuple(entry) for entry in logged_again[:-1]] == logged[:-1]
    assert logged_again[-1] == ({"accuracy": -1}, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": "other images"},
        {"recipe": RECIPE.model_copy(update={"learning_rate": 0.02})},
        {"cell": training.Cell("pets", "original", 0, "tiny", "short", 1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_cell_is_trained_again(tmp_path, change):
    train_cell(tmp_path)
    mark(tmp_path)
    assert train_cell(tmp_path, **change)[0]["accuracy"] >= 0


def test_metrics_are_logged_at_the_asked_points_by_epoch(tmp_path):
    # 4 updates of 4 images, 8 images an epoch: 2 points, after epochs 1 and 2
    _, logged = train_cell(tmp_path)
    assert [step for _, step in logged] == [1, 2, 0]
    assert [set(metrics) for metrics, _ in logged] == [{"train_loss", "validation_accuracy"}] * 2 + [{"accuracy"}]


@pytest.mark.parametrize(("steps", "points"), [(6, 3), (7, 3), (7, 4), (3, 10)])
def test_metrics_are_logged_at_most_as_often_as_asked_and_after_the_last_update(tmp_path, steps, points):
    recipe = RECIPE.model_copy(update={"updates": steps, "batch_size": 8})  # one epoch per update
    _, logged = train_cell(tmp_path, recipe=recipe, config=CONFIG.model_copy(update={"log_points": points}))
    epochs = [epoch for _, epoch in logged[:-1]]
    assert epochs[-1] == steps
    assert len(epochs) <= points


def test_a_killed_and_resumed_cell_has_the_result_and_history_of_an_uninterrupted_one(tmp_path, monkeypatch):
    recipe = RECIPE.model_copy(update={"updates": 6})
    config = CONFIG.model_copy(update={"log_points": 3})  # after updates 2, 4 and 6
    whole, _ = train_cell(tmp_path / "whole", recipe=recipe, config=config)

    def unplugged(step, *rest):
        if step == 5:
            raise KeyboardInterrupt
        return batch_indices(step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", partial(fit, save_every=2))
        patch.setattr(training, "batch_indices", unplugged)
        with pytest.raises(KeyboardInterrupt):
            train_cell(tmp_path / "killed", recipe=recipe, config=config)
    assert [path.suffix for path in (tmp_path / "killed").iterdir()] == [".pt"]
    resumed, _ = train_cell(tmp_path / "killed", recipe=recipe, config=config)
    assert resumed["accuracy"] == whole["accuracy"]
    assert resumed["history"] == whole["history"]
    assert len(whole["history"]) == 3


def test_the_grid_has_every_architecture_and_seed():
    config = CONFIG.model_copy(update={"architectures": ["a", "b"], "seeds": 2})
    cells = training.grid("pets", "gif", 5, config)
    assert [(cell.architecture, cell.seed) for cell in cells] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert len({cell.name for cell in cells}) == 4


def test_the_table_has_a_row_per_cell_and_exactly_the_agreed_columns(tmp_path):
    opened = []

    @contextmanager
    def track(cell):
        opened.append(cell.seed)
        yield lambda metrics, step: None

    table = training.train_cells(
        training.grid("pets", "gif", 5, CONFIG),
        SPLITS,
        {"tiny": ARCHITECTURE},
        {"short": RECIPE},
        CONFIG,
        classes=2,
        folder=tmp_path,
        inputs="abc",
        placement=CPU,
        track=track,
    )
    assert list(table.columns) == ["dataset", "method", "ratio", "architecture", "recipe", "seed", "accuracy"]
    assert table.drop(columns="accuracy").to_numpy().tolist() == [
        ["pets", "gif", 5, "tiny", "short", s] for s in (0, 1)
    ]
    assert opened == [0, 1]


def test_a_row_trains_on_seeds_and_expansion(tmp_path):
    write(tmp_path, plan(ToyMaker()))
    seeds = dataset([0, 1, 0, 1], NAMES)
    splits = training.load_splits(seeds, Expansion(tmp_path), seeds.select([]), seeds, resolution=6)
    assert splits.train.images.shape == (4 + 8, 3, 6, 6)
    assert splits.train.labels.tolist() == [0, 1, 0, 1] + [0, 0, 1, 1] * 2
    assert splits.validation is None


def test_the_originals_train_on_seeds_alone():
    seeds = dataset([0, 1])
    assert len(training.load_splits(seeds, None, seeds, seeds, resolution=4).train.labels) == 2
