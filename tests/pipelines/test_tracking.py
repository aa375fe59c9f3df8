import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import mlflow
import mlflow.pytorch
import pytest
import torch
from torch import nn

from guided_imagination.pipelines import tracking
from guided_imagination.pipelines.tracking import Images, Sheet, track
from guided_imagination.utils.errors import InputError
from helpers.cells import job

SHEET = Sheet(["cat", "dog"], 8, "crop", "# A card")


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """The run of `kedro run`, in a database of its own."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db")
    mlflow.set_experiment("tests")  # Kedro's notebooks leave theirs chosen for the whole process
    with mlflow.start_run() as run:
        yield run.info.run_id
    mlflow.set_tracking_uri(before)


def runs():
    return mlflow.search_runs(filter_string="tags.key LIKE '%'", output_format="list")


def losses(run_id):
    return [(metric.step, metric.value) for metric in mlflow.MlflowClient().get_metric_history(run_id, "loss")]


def test_a_run_is_tagged_lies_below_its_parent_and_leads_to_its_images(parent, tmp_path):
    images = Images("expansion", tmp_path / "gif_dalle", "abc123", "training")
    with track(job(0), tmp_path, inputs=[images]) as run:
        run.log({"loss": 1.0}, 2)
    made = mlflow.get_run(run.run_id)
    assert made.info.status == "FINISHED"
    tags = {"dataset": "pets", "method": "gif", "ratio": "5", "architecture": "tiny", "recipe": "short", "seed": "0"}
    assert tags.items() <= made.data.tags.items()
    assert made.data.tags["mlflow.parentRunId"] == parent
    assert made.data.tags["folder"] == str(tmp_path)
    assert made.data.params["learning_rate"] == "0.01"
    (entry,) = made.inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("expansion", "abc123")
    assert json.loads(entry.dataset.source)["uri"] == str(tmp_path / "gif_dalle")


def test_a_killed_cell_goes_on_in_its_run_without_logging_anything_twice(parent, tmp_path):
    with pytest.raises(KeyboardInterrupt), track(job(1), tmp_path, inputs=[]) as first:
        first.log({"loss": 3.0}, 1)
        first.log({"loss": 2.0}, 2)
        raise KeyboardInterrupt
    assert mlflow.get_run(first.run_id).info.status != "FINISHED"
    count = len(runs())
    with track(job(1), tmp_path, inputs=[]) as second:
        for step, value in ((1, 3.0), (2, 2.0), (3, 1.0)):
            second.log({"loss": value}, step)
    assert second.run_id == first.run_id
    assert len(runs()) == count
    assert losses(first.run_id) == [(1, 3.0), (2, 2.0), (3, 1.0)]
    assert mlflow.get_run(first.run_id).info.status == "FINISHED"


def test_the_run_of_a_finished_cell_is_left_as_it_is(parent, tmp_path):
    with track(job(2), tmp_path, inputs=[]) as first:
        first.log({"loss": 1.0}, 1)
    ended = mlflow.get_run(first.run_id).info.end_time
    with track(job(2), tmp_path, inputs=[]) as again:
        again.log({"loss": 1.0}, 1)
    assert again.run_id == first.run_id
    assert mlflow.get_run(first.run_id).info.end_time == ended
    assert losses(first.run_id) == [(1, 1.0)]


def test_a_failed_cell_has_a_failed_run(parent, tmp_path):
    with pytest.raises(RuntimeError), track(job(3), tmp_path, inputs=[]) as run:
        raise RuntimeError
    assert mlflow.get_run(run.run_id).info.status == "FAILED"


def test_a_model_is_registered_anew_where_its_run_is_unknown_or_deleted(parent, monkeypatch):
    """The tracking store was moved away, say: the result on disk names a run that the new one has not."""
    client = mlflow.MlflowClient()
    deleted = client.create_run(mlflow.get_run(parent).info.experiment_id).info.run_id
    client.delete_run(deleted)
    in_runs = []

    def log_model(*args, **options):
        in_runs.append(mlflow.active_run().info.run_id)
        return SimpleNamespace(model_uri=f"runs:/{in_runs[-1]}/model")

    monkeypatch.setattr("mlflow.pytorch.log_model", log_model)
    monkeypatch.setattr(tracking.mlflow, "register_model", lambda uri, name: SimpleNamespace(version="1"))
    monkeypatch.setattr(mlflow.MlflowClient, "set_model_version_tag", lambda *args: None)
    monkeypatch.setattr(mlflow.MlflowClient, "update_model_version", lambda *args, **named: None)
    monkeypatch.setattr(mlflow.MlflowClient, "set_registered_model_alias", lambda *args: None)
    with track(job(5), Path("models"), inputs=[]) as known:
        pass
    for run_id in ("0" * 32, deleted, "", known.run_id):
        tracking.register("toys", nn.Identity(), torch.zeros(2, 3, 8, 8), run_id, {"method": "gif"}, SHEET)
    *anew, last = in_runs
    assert last == known.run_id
    assert len(set(anew)) == 3
    assert not {"0" * 32, deleted} & set(anew)
    for run_id in anew:
        assert {"method": "gif", "mlflow.parentRunId": parent}.items() <= mlflow.get_run(run_id).data.tags.items()


def test_the_run_of_a_training_that_failed_lasts_as_long_as_it(parent, tmp_path):
    with pytest.raises(RuntimeError), track(job(7), tmp_path, [2000.0, 2005.0], inputs=[]) as failed:
        raise RuntimeError
    assert mlflow.get_run(failed.run_id).info.end_time == 2_005_000
    with track(job(7), tmp_path, [2100.0, 2110.0], inputs=[]) as again:
        pass
    made = mlflow.get_run(again.run_id).info
    assert (made.run_id, made.status) == (failed.run_id, "FINISHED")
    assert (made.start_time, made.end_time) == (2_000_000, 2_110_000)


def test_a_cell_of_a_project_that_moves_keeps_its_run(mlflow_template, tmp_path, monkeypatch):
    before, names = mlflow.get_tracking_uri(), ("here", "there")
    found = []
    try:
        for name in names:
            root = tmp_path / name
            if name == "there":
                (tmp_path / "here").rename(root)
            else:
                root.mkdir()
                shutil.copy(mlflow_template, root)
            monkeypatch.chdir(root)
            mlflow.set_tracking_uri(f"sqlite:///{root}/mlflow.db")
            mlflow.set_experiment("tests")
            monkeypatch.setattr("mlflow.active_run", lambda: None)
            with track(job(8), root / "data/06_models" if name == "here" else Path("data/06_models"), inputs=[]) as run:
                found.append(run.run_id)
            assert mlflow.get_run(run.run_id).data.tags["folder"] == "data/06_models"
    finally:
        mlflow.set_tracking_uri(before)
        mlflow.set_experiment("tests")
    assert found[0] == found[1]


def test_the_same_cell_in_another_folder_has_its_own_run(parent, tmp_path):
    ids = set()
    for name in ("a", "b"):
        with track(job(4), tmp_path / name, inputs=[]) as run:
            ids.add(run.run_id)
    assert len(ids) == 2


class Half(nn.Module):
    """Probabilities of two classes, by the brightness of images (B, 3, 8, 8) uint8."""

    def forward(self, pixels):
        level = pixels.float().mean((1, 2, 3)) / 255
        return torch.stack([level, 1 - level], 1)


def test_a_registered_classifier_is_found_again_with_its_classes_and_card(parent):
    with pytest.raises(InputError, match=r"no trained classifier of toys yet \(nor of any other dataset\): kedro run"):
        tracking.registered("toys")
    tracking.register("toys", Half(), torch.zeros(2, 3, 8, 8, dtype=torch.uint8), parent, {"key": "one"}, SHEET)
    classify, sheet = tracking.registered("toys")
    assert sheet == replace(SHEET, version=1)
    assert classify(torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)).tolist() == [[1, 0]]
    assert "model_card.md" in [file.path for file in mlflow.MlflowClient().list_artifacts(parent)]
    with pytest.raises(InputError, match=r"no trained classifier of moths yet \(but of toys\)"):
        tracking.registered("moths")
    for name in ("bob's", 'bob"s', "", "a%"):
        with pytest.raises(InputError, match=f"there is no trained classifier of {name} yet"):
            tracking.registered(name)
    other = replace(SHEET, classes=["dog", "cat"])
    tracking.register("toys", Half(), torch.zeros(2, 3, 8, 8, dtype=torch.uint8), parent, {"key": "two"}, other)
    assert tracking.registered("toys")[1].classes == ["dog", "cat"]
    # chosen again, it is the best again, though it is not the newest
    tracking.register("toys", Half(), torch.zeros(2, 3, 8, 8, dtype=torch.uint8), parent, {"key": "one"}, SHEET)
    assert tracking.registered("toys")[1] == replace(SHEET, version=1)


def test_a_run_lasts_as_long_as_the_training_that_is_logged_afterwards(parent, tmp_path):
    with track(job(6), tmp_path, [1000.5, 1004.0, 1013.5], inputs=[]) as run:
        run.log({"loss": 1.0}, 4, 1004.0)
    made = mlflow.get_run(run.run_id)
    assert (made.info.start_time, made.info.end_time) == (1_000_500, 1_013_500)
    (metric,) = mlflow.MlflowClient().get_metric_history(run.run_id, "loss")
    assert metric.timestamp == 1_004_000
    assert made.data.tags["mlflow.user"] == mlflow.get_run(parent).data.tags["mlflow.user"]
    tracking.register("lasting", Half(), torch.zeros(2, 3, 8, 8, dtype=torch.uint8), run.run_id, {"key": "x"}, SHEET)
    after = mlflow.get_run(run.run_id).info
    assert (after.run_name, after.status, after.end_time) == (made.info.run_name, "FINISHED", 1_013_500)


def test_a_classifier_whose_files_are_gone_is_named(parent, tmp_path):
    tracking.register("gone", Half(), torch.zeros(2, 3, 8, 8, dtype=torch.uint8), parent, {"key": "one"}, SHEET)
    files = mlflow.MlflowClient().get_model_version_download_uri("gone", "1")
    shutil.rmtree(files)
    with pytest.raises(InputError, match="the files of version 1 of gone are not where MLflow has it"):
        tracking.registered("gone")
