"""Result, predictions and weights of a cell are one thing, whenever a kill falls."""

import json
import os
import resource
import shutil
import signal

import pytest
from safetensors.torch import load_file

from guided_imagination.training import cells as training
from guided_imagination.training.classifier import Trained
from guided_imagination.training.network import build_model
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import seeded
from helpers.cells import ARCHITECTURE, RECIPE, job, run
from helpers.stores import fork, outcome

JOBS = {"old": job(), "new": job(recipe=RECIPE.model_copy(update={"learning_rate": 0.02}))}
FOLDER = job().cell.folder


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Training takes no time, and the first weight of the head tells which recipe it was."""

    def trained(train, validation, architecture, recipe, *, checkpoint, **options):
        with seeded(0):
            model = build_model(ARCHITECTURE, 2)
        model.fc.bias.data.fill_(recipe.learning_rate)
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.write_bytes(b"on the way")
        speed = {"seconds": 1.0, "images_per_second": 1.0, "waiting_share": 0.0}
        return Trained(model, 4, [({"train_loss": 1.0}, 4)], speed, [0.0, 1.0])

    monkeypatch.setattr(training, "train_classifier", trained)


def content(models):
    """Which recipe the result is of, and which the weights."""
    folder = FOLDER(models)
    result = {each.key: name for name, each in JOBS.items()}[json.loads((folder / "result.json").read_text())["key"]]
    bias = load_file(folder / "model.safetensors")["fc.bias"][0].item()
    assert (folder / "predictions.parquet").stat().st_size > 100
    return result, "old" if bias < 0.015 else "new"


def killed_at(step, models, monkeypatch):
    """Whether a re-training in a process of its own came to its `step`-th call that changes the disk."""
    calls = iter(range(step, -1, -1))

    def deadly(function):
        def call(*args, **kwargs):
            if next(calls, None) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    def retrain():
        for name in ("mkdir", "fsync", "rename", "replace", "unlink", "rmdir"):
            monkeypatch.setattr(os, name, deadly(getattr(os, name)))
        run(models, JOBS["new"])

    status = outcome(fork(retrain))
    assert status in (0, -signal.SIGKILL)
    return status != 0


def test_a_kill_at_every_step_of_a_retraining_never_leaves_new_weights_beside_an_old_result(tmp_path, monkeypatch):
    run(tmp_path / "whole", JOBS["old"])
    step, seen = 0, []
    while killed_at(step, models := shutil.copytree(tmp_path / "whole", tmp_path / str(step)), monkeypatch):
        if FOLDER(models).exists():
            result, weights = content(models)
            assert result == weights
            seen.append(result)
        run(models, JOBS["new"])
        assert content(models) == ("new", "new")
        assert list(FOLDER(models).parent.iterdir()) == [FOLDER(models)], "the next run cleans up"
        assert len(list(FOLDER(models).iterdir())) == 3
        step += 1
    assert len(seen) >= step - 1 > 10, "between two renames there is neither, and no result is none"
    assert list(dict.fromkeys(seen)) == ["old", "new"]


def test_a_full_disk_is_the_users_to_mend_and_leaves_the_old_cell(tmp_path):
    run(tmp_path, JOBS["old"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(InputError, match="is out of space"):
            run(tmp_path, JOBS["new"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert content(tmp_path) == ("old", "old")
