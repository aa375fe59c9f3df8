import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from guided_imagination.config import Recipe
from guided_imagination.config.models import GuideConfig
from guided_imagination.config.rows import ORIGINALS, EncoderHead
from guided_imagination.config.training import TrainConfig
from guided_imagination.pipelines.train import nodes
from guided_imagination.training.cells import Run
from guided_imagination.utils.errors import InputError
from helpers.settings import COMPUTE, SPEC, row, training
from helpers.stores import made_of
from helpers.toy import ToyAugmenter, dataset

RECIPE = {
    "batch_size": 4,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "weight_decay": 0,
    "warmup": 0,
    "label_smoothing": 0,
    "rotation": 0,
    "translation": 0,
    "flip": 0,
}
LENGTH = {"updates": 2}
SEEDS = dataset([0, 1, 0, 1])


@contextmanager
def silent(job, folder, times, inputs):
    yield Run("", lambda metrics, step, when: None)


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train a row; a second call says whether the finished cell was trained again."""
    monkeypatch.setattr(nodes.tracking, "track", silent)

    def run(
        seeds=SEEDS,
        test=SEEDS,
        expanded=None,
        resolution=8,
        evaluate_on="test",
        ratios=None,
        tuned=None,
        length=LENGTH,
        recipe=None,
    ):
        grid = TrainConfig(
            architectures=["tiny"],
            recipes=["short"],
            ratios=ratios,
            seeds=1,
            evaluate_on=evaluate_on,
            log_points=1,
            tuned=False,
        )
        own = training(grid, largest_ratio=max(ratios or [2]), short=Recipe(**RECIPE | length).overridden(recipe or {}))
        settings = row(
            dataset="toys",
            method="gif",
            spec=SPEC.overridden({"resolution": resolution}),
            ratio=ORIGINALS if expanded is None else 2,
            models_dir=str(tmp_path / "models"),
            training=own.tuned(tuned or {}),
        )
        table, failures = nodes.train(nodes.begin(seeds, dataset([1, 1, 1]), test, settings, expanded))
        assert not failures
        return table

    return run


def mark(tmp_path):
    """Put an impossible accuracy into the finished cell, to see whether it is read or trained again."""
    (path,) = (tmp_path / "models").rglob("result.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "accuracy": -1}))


def test_a_finished_row_is_read_again(train, tmp_path):
    train()
    mark(tmp_path)
    assert train()["accuracy"].tolist() == [-1]


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": dataset([0, 1, 1, 1])},
        {"test": dataset([0, 1])},
        {"resolution": 12},
        {"evaluate_on": "validation"},
        {"recipe": {"mixup": 0.2}},
        {"tuned": {"tiny": {"short": {"learning_rate": 0.1}}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_row_is_trained_again(train, tmp_path, change):
    train()
    mark(tmp_path)
    assert train(**change)["accuracy"].item() >= 0


def test_another_expansion_is_another_cell(train, tmp_path):
    first, second = (made_of(SEEDS, tmp_path / str(eps), settings={"eps": eps}) for eps in (0.1, 0.2))
    assert train(expanded=first)["ratio"].tolist() == [2]
    mark(tmp_path)
    assert train(expanded=second)["accuracy"].item() >= 0


def test_originals_have_ratio_zero(train):
    assert train()["ratio"].tolist() == [0]


def test_a_row_has_a_result_for_every_ratio(train, tmp_path):
    assert train(expanded=made_of(SEEDS, tmp_path / "a"), ratios=[1, 2])["ratio"].tolist() == [1, 2]


def test_ratios_do_not_multiply_the_originals(train):
    assert train(ratios=[1, 2])["ratio"].tolist() == [0]


def test_an_expansion_of_other_seeds_is_refused(train, tmp_path):
    with pytest.raises(InputError, match="was made from other seed images"):
        train(expanded=made_of(dataset([0, 1, 1, 1]), tmp_path / "a"))


def test_passes_give_originals_and_expansions_the_same_updates_and_epochs_do_not(train, tmp_path):
    made = made_of(SEEDS, tmp_path / "a")
    rows = [train(expanded=expanded, length={"passes": 2}) for expanded in (None, made)]
    # 2 passes over 4 seeds and 2 variants of each in batches of 4
    assert [row["updates"].item() for row in rows] == [6, 6]
    rows = [train(expanded=expanded, length={"epochs": 2}) for expanded in (None, made)]
    assert [row["updates"].item() for row in rows] == [2, 6]


def test_what_an_expansion_dropped_shortens_no_training(train, tmp_path):
    made = made_of(SEEDS, tmp_path / "a", maker=ToyAugmenter(lambda call, labels: labels == 1))
    assert made.count < 8
    assert train(expanded=made, length={"passes": 2})["updates"].item() == 6


def test_a_teacher_and_the_references_are_told_words(monkeypatch):
    told = []

    def load_guide(config, names, *rest):
        told.append(names)
        raise InputError("enough")

    monkeypatch.setattr(nodes, "load_guide", load_guide)
    monkeypatch.setattr(nodes, "model_checksum", lambda *which: "abc")
    spec = SPEC.overridden({"names": {"bkj": "blue jay"}})
    own = training()
    guide = GuideConfig(model="clip")
    seeds = dataset([0, 1], names=["001.Snowy_owl", "bkj"])
    head = EncoderHead(name="clip", guide=guide, head="text")
    taught = row(spec=spec, training=own.model_copy(update={"teacher": head}))
    monkeypatch.setattr(nodes, "begin_row", lambda *_, teacher, **__: teacher)
    with pytest.raises(InputError, match="enough"):
        nodes.begin(seeds, seeds, seeds, taught).load()
    measured = SimpleNamespace(spec=spec, hub=None, compute=COMPUTE, references={"clip_zero_shot": head}, training=own)
    with pytest.raises(InputError, match="enough"):
        nodes.reference_row(seeds, seeds, seeds, measured, name="clip_zero_shot")
    assert told == [["Snowy owl", "blue jay"]] * 2
