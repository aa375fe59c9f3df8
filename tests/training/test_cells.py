import json
import time

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from guided_imagination import __version__
from guided_imagination.training import cells as training
from guided_imagination.training.cells import ORIGIN_COLUMNS, RESULT_COLUMNS
from guided_imagination.utils.errors import InputError
from helpers.cells import RECIPE, SPLITS, Journal, job, run


def folder(models, seed=0):
    return models / "pets" / "gif" / f"tiny-short-ratio5-seed{seed}"


def mark(models):
    """Put an impossible accuracy into a finished cell, to see whether it is read or trained again."""
    path = folder(models) / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "accuracy": -1}))


def test_a_cell_leaves_its_result_weights_and_predictions(tmp_path):
    table, failures = run(tmp_path)
    assert not failures
    assert sorted(path.name for path in folder(tmp_path).iterdir()) == [
        "model.safetensors",
        "predictions.parquet",
        "result.json",
    ]
    result = json.loads((folder(tmp_path) / "result.json").read_text())
    for name in ("accuracy", "macro_f1", "auc", "ece", "images_per_second", "seconds"):
        assert result[name] == table[name].item()
    assert load_file(folder(tmp_path) / "model.safetensors")["fc.weight"].shape[0] == 2
    predictions = pd.read_parquet(folder(tmp_path) / "predictions.parquet")
    assert predictions["label"].tolist() == SPLITS.measured.labels.tolist()
    assert 100 * predictions["correct"].mean() == pytest.approx(result["accuracy"])


def test_the_table_has_a_row_per_cell_and_exactly_the_agreed_columns(tmp_path):
    table, _ = run(tmp_path, job(0), job(1))
    assert list(table) == RESULT_COLUMNS
    assert table[["dataset", "method", "ratio", "architecture", "recipe", "seed"]].to_numpy().tolist() == [
        ["pets", "gif", 5, "tiny", "short", seed] for seed in (0, 1)
    ]
    assert table["run_id"].tolist() == [f"run of tiny-short-ratio5-seed{seed}" for seed in (0, 1)]


def test_a_result_tells_what_made_it_in_its_row_and_in_its_file(tmp_path):
    faster = RECIPE.model_copy(update={"learning_rate": 0.02})
    jobs = job(), job(recipe=faster), job(split="validation")
    first, changed, other = (run(tmp_path / str(number), each)[0].iloc[0] for number, each in enumerate(jobs))
    assert (first["split"], other["split"]) == ("test", "validation")
    assert first["recipe_key"] == other["recipe_key"] != changed["recipe_key"]
    assert (first["code"], first["precision"], first["updates"]) == (__version__, "float32", 4)
    kept = json.loads((folder(tmp_path / "0") / "result.json").read_text())
    assert {name: kept[name] for name in ORIGIN_COLUMNS} == first[ORIGIN_COLUMNS].to_dict()


def test_a_cell_is_the_same_every_time(tmp_path):
    tables = [run(tmp_path / name)[0] for name in "ab"]
    measured = ["accuracy", "macro_f1", "auc", "ece"]
    pd.testing.assert_frame_equal(tables[0][measured], tables[1][measured])
    first, second = (load_file(folder(tmp_path / name) / "model.safetensors") for name in "ab")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_finished_cell_is_read_again_without_its_images(tmp_path):
    run(tmp_path)
    mark(tmp_path)

    def load(cell):
        raise AssertionError("images were read although nothing had to be trained")

    table, failures = run(tmp_path, load=load)
    assert table["accuracy"].tolist() == [-1]
    assert not failures


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": "other images"},
        {"recipe": RECIPE.model_copy(update={"learning_rate": 0.02})},
        {"precision": "bfloat16"},
        {"split": "validation"},
    ],
    ids=str,
)
def test_a_changed_cell_is_trained_again(tmp_path, change):
    run(tmp_path)
    mark(tmp_path)
    assert run(tmp_path, job(**change))[0]["accuracy"].item() >= 0


def test_a_cell_of_other_code_is_trained_again(tmp_path, monkeypatch):
    run(tmp_path)
    mark(tmp_path)
    monkeypatch.setattr(training, "__version__", "0.0.1")
    assert run(tmp_path)[0]["accuracy"].item() >= 0


def test_another_seed_is_another_cell(tmp_path):
    run(tmp_path, job(0))
    mark(tmp_path)
    assert run(tmp_path, job(1))[0]["accuracy"].item() >= 0


def test_a_cell_logs_its_history_and_at_the_end_what_was_measured(tmp_path):
    journal = Journal()
    run(tmp_path, journal=journal)
    (rows,) = journal.logged.values()
    assert [step for _, step, _ in rows] == [2, 4, 4]  # two points of four updates, then the end
    assert {"accuracy", "macro_f1", "auc", "ece", "images_per_second", "waiting_share"} <= set(rows[-1][0])
    assert "top5" not in rows[-1][0]  # two classes have none


def test_a_finished_cell_logs_the_same_again(tmp_path):
    first, second = Journal(), Journal()
    run(tmp_path, journal=first)
    run(tmp_path, journal=second)
    assert second.rows() == first.rows()


def test_a_failed_cell_is_named_and_the_others_are_finished(tmp_path, monkeypatch, caplog):
    original = training.train_classifier

    def unlucky(*args, seed, **options):
        if seed == 1:
            raise RuntimeError("the memory ran out")
        return original(*args, seed=seed, **options)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train_classifier", unlucky)
        table, failures = run(tmp_path, job(0), job(1), job(2))
    assert table["seed"].tolist() == [0, 2]
    assert failures == {"pets gif tiny-short-ratio5-seed1": "RuntimeError: the memory ran out"}
    assert "seed1 failed" in caplog.text
    mark(tmp_path)
    table, failures = run(tmp_path, job(0), job(1), job(2))
    assert table["seed"].tolist() == [0, 1, 2]
    assert table["accuracy"][0] == -1  # was not trained again
    assert not failures


def test_a_mistake_of_the_user_ends_the_run(tmp_path):
    def load(cell):
        raise InputError("image 'x' cannot be decoded")

    with pytest.raises(InputError, match="cannot be decoded"):
        run(tmp_path, load=load)


def test_a_cell_tells_when_its_training_began_and_ended(tmp_path):
    before, journal = time.time(), Journal()
    run(tmp_path, journal=journal)
    (times,) = journal.times.values()
    assert before <= times[0] <= times[1] <= times[2] <= times[3] <= time.time()  # beginning, two points, end
    assert len(times) == 4
    later = Journal()
    run(tmp_path, journal=later)
    assert later.times == journal.times, "of the training, not of the reading"
    assert [when for _, _, when in later.rows()] == list(times[1:])


def test_a_result_of_050_without_times_is_read(tmp_path):
    run(tmp_path)
    path = folder(tmp_path) / "result.json"
    kept = json.loads(path.read_text())
    del kept["times"]
    path.write_text(json.dumps(kept))
    journal = Journal()
    table, failures = run(tmp_path, journal=journal)
    assert (len(table), failures) == (1, {})
    assert list(journal.times.values()) == [()]
    assert [when for _, _, when in journal.rows()] == [None] * 3


def test_a_failed_cell_tells_when_it_was_begun_and_failed(tmp_path):
    def load(cell):
        time.sleep(0.1)
        raise RuntimeError("broken")

    journal = Journal()
    _, failures = run(tmp_path, load=load, journal=journal)
    assert failures
    ((began, failed),) = journal.times.values()
    assert 0.1 <= failed - began < 60
