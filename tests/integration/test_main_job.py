"""The whole job, as a user runs it, in `conf/test`: every node, every file, the MLflow runs."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import yaml
from datasets import ClassLabel, Image, load_dataset
from mlflow.models import ModelSignature

from helpers.project import ROOT, assert_succeeded, kedro_run

METHODS = ["original", "cutout", "gridmask", "randaugment", "mae", "gif_mae", "dalle", "gif_dalle", "gif_dalle_narrow"]
ARCHITECTURES = ["tiny", "wider"]
CELL = ["method", "ratio", "architecture", "seed"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m guided_imagination run` leaves on disk."""
    folder = tmp_path_factory.mktemp("data")
    command = [sys.executable, "-m", "guided_imagination", "run", "--env", "test", "--params", f"data_dir={folder}"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    head, kedro_ends, words = done.stdout.partition("Pipeline execution completed successfully")
    assert "Could not extract type hints" not in head
    assert kedro_ends
    assert "| gif_dalle" not in head.split("audit of fashion")[0]
    table = (folder / "08_reporting/fashion/accuracy_table/accuracy_table.md").read_text()
    assert table in words, "the run ends with the table"
    *_, page, command = words.strip().splitlines()
    assert page.endswith(f": {folder}/08_reporting/report.html")
    assert command.endswith(" predict --env test --dataset fashion IMAGE")
    assert head.count("Running node: ") == head.count(" of 52)") == 52
    assert "Completed" not in head
    return folder


def test_results_have_a_row_per_method_and_seed(data: Path) -> None:
    results = pd.read_csv(data / "08_reporting" / "results.csv")
    assert list(results) == [
        *("dataset", "draw", "method", "ratio", "architecture", "recipe", "seed"),
        *("accuracy", "top5", "macro_f1", "auc", "ece", "validation", "images", "images_per_second", "seconds"),
        *("split", "recipe_key", "code", "precision", "updates", "run_id"),
    ]
    grid = product(METHODS, (0, 1, 2), ARCHITECTURES, (0, 1))
    expected = [cell for cell in grid if (cell[0] == "original") == (cell[1] == 0)]
    assert list(results[CELL].itertuples(index=False, name=None)) == [
        *expected,
        ("clip_zero_shot", 0, "embedded_clip", 0),
        ("clip_few_shot", 0, "embedded_clip", 0),
    ]
    assert results["accuracy"].between(0, 100).all()


@pytest.mark.usefixtures("project")
def test_a_plan_has_the_work_of_every_row_and_the_speeds_that_it_was_reckoned_with(data: Path) -> None:
    """Measured here, and again from the table of speeds: the same hours, or an eighth where eight share."""
    assert_succeeded(kedro_run("--env", "test", "--pipelines", "plan", "--params", f"data_dir={data}"))
    folder = data / "08_reporting" / "plan"
    measured, speeds = pd.read_csv(folder / "costs.csv"), pd.read_csv(folder / "speeds.csv")
    assert (measured["worker_hours"] > 0).all()
    amounts = measured.groupby("stage")["units"].sum()
    # 8 rows of 2 variants of 20 seeds; 17 combinations of row and ratio, 2 networks, 2 runs of 4 updates of 8 images
    assert amounts["expand"] == 8 * 2 * 20
    assert amounts["train"] == 17 * 2 * 2 * 4 * 8
    assert set(speeds["name"]) == {*METHODS[1:], "audit", *(f"{name} matched" for name in ARCHITECTURES)}
    known = data / "known.csv"
    speeds.to_csv(known, index=False)
    changes = f"data_dir={data},plan.speeds={known},plan.price=3,compute.workers.count=8"
    assert_succeeded(kedro_run("--env", "test", "--pipelines", "plan", "--params", changes))
    shared = pd.read_csv(folder / "costs.csv")
    train = shared["stage"] == "train"
    assert shared.loc[train, "wall_hours"].sum() == pytest.approx(measured.loc[train, "wall_hours"].sum() / 8, rel=1e-6)
    assert shared["price"].sum() == pytest.approx(3 * shared["worker_hours"].sum(), rel=1e-6)
    text = (folder / "plan.md").read_text()
    assert "| 8 workers |" in text.replace("  ", "")
    assert "320 new images in all" in text


def test_every_expansion_has_ratio_variants_of_every_seed(data: Path) -> None:
    seeds = load_dataset("arrow", data_files=str(data / "03_primary/fashion/seeds/*.arrow"), split="train")
    for method in METHODS[1:]:
        files = str(data / f"05_model_input/fashion/{method}/*.parquet")
        rows = load_dataset("parquet", data_files=files, split="train", cache_dir=str(data / "cache"))
        assert isinstance(rows.features["image"], Image)
        assert isinstance(rows.features["label"], ClassLabel)
        assert rows.features["label"].names == seeds.features["label"].names
        assert sorted(zip(rows["seed_id"], rows["variant"], strict=True)) == sorted(
            (seed, variant) for seed in seeds["id"] for variant in (0, 1)
        )
        assert rows[0]["image"].size == (32, 32)


def test_guided_and_unguided_rows_differ_in_guidance_and_filter_alone(data: Path) -> None:
    def differing(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
        return {key for key in (*one, *other) if one.get(key) != other.get(key)}

    for pair, guidance, filtered in (
        (("mae", "gif_mae"), {"steps"}, {"redraws", "other_class"}),
        (("dalle", "gif_dalle"), {"steps", "selection"}, {"redraws", "other_class", "reserve"}),
    ):
        one, other = (json.loads((data / f"05_model_input/fashion/{m}/plan.json").read_text()) for m in pair)
        assert differing(one, other) == {"method", "settings", "filter"}
        assert differing(one["settings"], other["settings"]) == {"guidance"}
        assert differing(one["settings"]["guidance"], other["settings"]["guidance"]) == guidance
        assert differing(one["filter"], other["filter"]) == filtered
        assert one["settings"]["guidance"]["steps"] == 0
        assert not one["filter"]["other_class"]


def test_report_is_left_on_disk(data: Path) -> None:
    report = data / "08_reporting"
    page = (report / "report.html").read_text()
    for name in ("accuracy_embedded", "efficiency", "readings", "architectures", "ablation", "differences", "cost"):
        assert {path.suffix for path in (report / "tables" / name).iterdir()} == {".csv", ".json", ".md", ".tex"}
        assert len(pd.read_csv(report / "tables" / name / f"{name}.csv")) >= 2, f"{name} has rows"
        assert f'id="table-{name}"' in page
    assert page.count('<img src="data:image/webp') == len(METHODS[1:]), "a contact sheet per method"
    looked = json.loads((report / "looks.json").read_text())["fashion"]["rows"]
    assert {row["method"]: len(row["shown"]) for row in looked} == dict.fromkeys(
        ("gif_mae", "gif_dalle", "gif_dalle_narrow"), 40
    )
    assert 'id="weed-fashion"' in page
    assert "data:image/png" in page, "the efficiency curves"
    # the curves are of the first architecture, the table of architectures has the largest ratio
    shown = pd.read_csv(report / "results.csv").query(
        "architecture == 'tiny' or (architecture == 'wider' and ratio != 1)"
    )
    assert len(shown) > 40
    assert all(run in page for run in shown["run_id"]), "every trained number leads to its run"
    assert "Trainings that failed" not in page
    assert {path.name for path in (report / "fashion").glob("*.png")} == {f"contact_sheet_{m}.png" for m in METHODS[1:]}


def test_mlflow_has_a_child_run_per_cell_under_the_kedro_run(data: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{data}/mlflow.db")
    experiment = client.get_experiment_by_name("test")
    runs = client.search_runs([experiment.experiment_id])
    children = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    cells = {tuple(run.data.tags[key] for key in CELL) for run in children}
    results = pd.read_csv(data / "08_reporting" / "results.csv").query("run_id.notna()").set_index(CELL)["accuracy"]
    assert cells == {tuple(map(str, cell)) for cell in results.index}
    for run in children:
        method, ratio, architecture, seed = (run.data.tags[key] for key in CELL)
        expected = results[method, int(ratio), architecture, int(seed)]
        assert run.data.metrics["accuracy"] == pytest.approx(expected)
        inputs = {entry.dataset.name: entry.dataset for entry in run.inputs.dataset_inputs}
        made = set() if run.data.tags["method"] == "original" else {"expansion"}
        assert set(inputs) == {"seeds", "validation"} | made
        assert all(Path(json.loads(entry.source)["uri"]).is_dir() for entry in inputs.values())
    history = client.get_metric_history(children[0].info.run_id, "train_loss")
    assert len(history) == 2


def test_the_best_classifier_is_registered_with_its_signature(data: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{data}/mlflow.db")
    (version,) = client.search_model_versions("name = 'fashion'")
    best = json.loads((data / "06_models" / "fashion" / "best.json").read_text())
    assert {key: version.tags[key] for key in ("method", "seed")} == {
        "method": best["method"],
        "seed": str(best["seed"]),
    }
    (logged,) = client.search_logged_models([client.get_experiment_by_name("test").experiment_id])
    described = yaml.safe_load((ROOT / logged.artifact_location / "MLmodel").read_text())
    signature = ModelSignature.from_dict(described["signature"])
    assert signature.inputs.inputs[0].shape == (-1, 3, 32, 32)
    assert signature.outputs.inputs[0].shape == (-1, 10)


def test_the_experiment_opens_on_model_training_and_has_a_view_by_accuracy(data: Path) -> None:
    experiment = mlflow.MlflowClient(f"sqlite:///{data}/mlflow.db").get_experiment_by_name("test")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(experiment.tags["mlflow.sharedViewState.accuracy"])
    assert view["orderByKey"] in view["selectedColumns"]
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`accuracy`", False)
    makefile = (ROOT / "Makefile").read_text()
    assert "runs?workflowType=machine_learning&viewStateShareKey=accuracy" in makefile


@pytest.mark.usefixtures("project")
def test_the_best_classifier_names_what_it_sees(data: Path) -> None:
    images = ["docs/walk/seed.png", "docs/gains.png"]
    options = ["--env", "test", "--params", f"data_dir={data}", "--top", "10"]
    done = kedro_run(*images, *options, command="predict")
    assert_succeeded(done)
    lines = done.stdout.strip().splitlines()[-2:]
    assert "by version 1 of the classifier of fashion" in done.stderr
    for image, line in zip(images, lines, strict=True):
        path, classes = line.split(": ")
        assert path == image
        shares = dict(part.rsplit(" ", 1) for part in classes.split(", "))
        assert {"T-shirt", "Ankle boot"} <= set(shares)
        assert sum(map(float, shares.values())) == pytest.approx(100, abs=1)
    unknown = kedro_run(*images, *options, "--dataset", "pets", command="predict")
    assert "Error: there is no trained classifier of pets yet (but of fashion)" in unknown.stderr
    unreadable = kedro_run("README.md", *options, command="predict")
    assert unreadable.stderr.startswith("Error: README.md is not a readable image")


@pytest.mark.parametrize("name", ["clip_zero_shot", "clip_few_shot"])
def test_clip_is_a_reference_line(data: Path, name: str) -> None:
    (row,) = pd.read_csv(data / f"07_model_output/fashion/{name}.csv").to_dict("records")
    assert (row["method"], row["ratio"], row["architecture"]) == (name, 0, "embedded_clip")
    assert row["accuracy"] > 50  # ten classes


@pytest.mark.usefixtures("project")
def test_one_pipeline_runs_alone_and_leaves_what_is_complete(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    shard = next((data / "05_model_input/fashion/gif_dalle").glob("*.parquet"))
    before = shard.stat().st_mtime_ns
    assert_succeeded(kedro_run("--env", "test", "--params", f"data_dir={data}", "--pipelines", "expand_dalle"))
    assert "is complete: nothing to do" in caplog.text
    assert shard.stat().st_mtime_ns == before


@pytest.mark.usefixtures("project")
def test_other_settings_in_the_same_folder_are_refused(data: Path) -> None:
    options = f"data_dir={data},expand_dalle.eps=0.3"
    done = kedro_run("--env", "test", "--params", options, "--pipelines", "expand_dalle")
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit), "an explained error, not a traceback"
    assert "eps: 1.6 there, 0.3 now" in done.stderr
    assert "overwrite=true" in done.stderr
    assert "Traceback" not in done.stderr
