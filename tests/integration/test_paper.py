"""`--env paper` without hub or GPU: real ids, pinned revisions and the hub's layout, tiny random weights, real images.

Only sizes are overridden; what the tables then hold means nothing.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import Result

from helpers.hub import CLASSIFIER
from helpers.project import ROOT, assert_succeeded, kedro_run

BASE = ["cutout", "gridmask", "randaugment", "mae", "gif_mae", "dalle", "gif_dalle"]
WHILE_TRAINING = ["mixup", "cutmix", "randaugment_online"]
PAPER = ["mae_unperturbed", "dalle_unperturbed", "sd_unperturbed", "sd", "gif_sd"]
EXPANDED = [*BASE, *PAPER]
ROWS = ["original", *BASE, *WHILE_TRAINING, *PAPER, "clip_zero_shot", "clip_few_shot"]
RECIPES = ["paper", "finetune", "linear_probe"]
SIDE = {"image_size": 32, "inference_steps": 2}
SMALL: dict[str, Any] = {
    "generators": {"kandinsky": SIDE, "stable_diffusion": {**SIDE, "inference_steps": 3}},
    "ratio": 2,
    "compute": {"workers": {"count": 1}},  # other processes know nothing of the hub of these tests
    "train": {"seeds": 1, "log_points": 1},
    "recipes": {"paper": {"epochs": 1, "batch_size": 8}, "finetune": {"passes": 1}, "linear_probe": {"passes": 1}},
    "architectures": {"resnet50": CLASSIFIER},
}
pytestmark = pytest.mark.usefixtures("project", "offline", "mlflow_database")


def run(data: Path, dataset: str, spec: dict[str, object], **changes: object) -> Result:
    """`kedro run --env paper --namespaces DATASET` with sizes overridden and an MLflow of its own."""
    specs = {dataset: {"resolution": 32, **spec}}
    # the one epoch of these tests ends before the first milestone
    specs.setdefault("caltech101", {})["overrides"] = {"recipes": {"paper": {"milestones": []}}}
    params = {**SMALL, "data_dir": str(data), "dataset_specs": specs, **changes}
    conf = shutil.copytree(ROOT / "conf", data / "conf")
    tracking = {"server": {"mlflow_tracking_uri": f"sqlite:///{data}/mlflow.db"}}
    (conf / "paper" / "mlflow.yml").write_text(yaml.safe_dump(tracking))
    settings = data / "run.yml"
    chosen = {"pipelines": "plan"} if "plan" in changes else {"namespaces": dataset}
    options = {"env": "paper", **chosen, "conf_source": str(conf), "params": params}
    settings.write_text(yaml.safe_dump({"run": options}))
    return kedro_run("--config", str(settings))


def assert_all_rows(data: Path, dataset: str, recipes: list[str]) -> None:
    results = pd.read_csv(data / "08_reporting" / dataset / "results.csv")
    assert set(results["recipe"]) == {*recipes, "zero-shot", "few-shot"}
    for recipe in recipes:
        shown = results["recipe"].isin([recipe, "zero-shot", "few-shot"])
        assert results.loc[shown, "method"].tolist() == ROWS
    report = data / "08_reporting" / dataset
    assert {path.name for path in report.glob("*.png")} == {f"contact_sheet_{name}.png" for name in EXPANDED}
    table = (report / "accuracy_table" / "accuracy_table.md").read_text()
    assert [line.split("|")[1].strip(" *") for line in table.splitlines() if line.startswith("|")][2:] == ROWS


def manifest(data: Path, dataset: str, method: str) -> dict[str, object]:
    return json.loads((data / "05_model_input" / dataset / method / "manifest.json").read_text())


def test_every_row_of_caltech101_on_real_photographs(
    tmp_path: Path, photographs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = {"source": {"path": str(photographs), "download": None}, "sizes": None, "seeds_per_class": 2}
    assert_succeeded(run(tmp_path, "caltech101", spec))
    assert "| gif_sd" in caplog.text, "the run ends with the table"
    assert_all_rows(tmp_path, "caltech101", RECIPES)
    for method in EXPANDED:
        assert sum(shard["rows"] for shard in manifest(tmp_path, "caltech101", method)["shards"]) == 12 * 2 * 2
    fingerprint = manifest(tmp_path, "caltech101", "gif_sd")["fingerprint"]
    # the paper's setting for this dataset, not the common one
    guidance, generator = fingerprint["settings"]["guidance"], fingerprint["settings"]["generator"]
    assert (guidance["eps"], generator["strength"], generator["guidance_scale"]) == (4, 0.9, 5)
    assert fingerprint["inputs"]["guide"] == "openai/clip-vit-base-patch32"


ADAPT = {name: {"adapt": {"steps": 2}} for name in ("expand_mae", "expand_dalle", "expand_sd")}


@pytest.fixture
def adapting(breast: Path) -> dict[str, Any]:
    """BreastMNIST, with a little fine-tuning."""
    return {"source": {"kind": "npz", "path": str(breast)}, "classes": ["malignant", "benign"], "overrides": ADAPT}


def test_medical_generators_are_adapted_first(tmp_path: Path, adapting: dict[str, Any]) -> None:
    grid = {**SMALL["train"], "recipes": ["paper"]}
    assert_succeeded(run(tmp_path, "breastmnist", adapting, train=grid))
    assert_all_rows(tmp_path, "breastmnist", ["paper"])
    for method, pipeline in (("gif_mae", "expand_mae"), ("gif_dalle", "expand_dalle"), ("gif_sd", "expand_sd")):
        record = json.loads((tmp_path / "06_models/breastmnist" / pipeline / "adapted.json").read_text())
        inputs = manifest(tmp_path, "breastmnist", method)["fingerprint"]["inputs"]
        assert inputs["adapted weights"] == record["checksum"]


# seconds per unit of one GPU: that of SD is a public report's, the others are made up
SPEEDS = {
    "adapt": dict.fromkeys(ADAPT, 2.0),
    "prepare": dict.fromkeys(EXPANDED, 0.1),
    "expand": {**dict.fromkeys(EXPANDED, 1.0), "sd": 12.65, "gif_sd": 12.65, "sd_unperturbed": 12.65},
    "train": {f"resnet50 {recipe}": 0.01 for recipe in RECIPES},
    "evaluate": {f"resnet50 {recipe}": 0.005 for recipe in RECIPES},
    "audit": {"audit": 0.02},
}


def test_the_plan_of_the_paper_by_stated_speeds(tmp_path: Path, adapting: dict[str, Any]) -> None:
    """78 seeds, 5 new images of each, 8 GPUs."""
    lines = [f"*,{stage},{name},0,{seconds}" for stage, names in SPEEDS.items() for name, seconds in names.items()]
    speeds = tmp_path / "stated.csv"
    speeds.write_text("\n".join(["dataset,stage,name,start_seconds,unit_seconds", *lines]))
    size = {"datasets": ["breastmnist"], "ratio": 5, "compute": {"workers": {"count": 8}}}
    assert_succeeded(run(tmp_path, "breastmnist", adapting, **size, plan={"speeds": str(speeds), "price": 2}))
    costs = pd.read_csv(tmp_path / "08_reporting" / "plan" / "costs.csv")
    by_row = costs[costs["stage"] == "expand"].set_index("row")
    assert (by_row["units"] == 390).all()
    assert by_row.loc["gif_sd", "worker_hours"] == pytest.approx(390 * 12.65 / 3600)
    hours = costs.groupby("stage")["worker_hours"].sum()
    assert hours["expand"] == pytest.approx((9 * 390 * 1.0 + 3 * 390 * 12.65) / 3600)
    assert hours["adapt"] == pytest.approx(3 * 2 * 2.0 / 3600)
    assert costs["price"].sum() == pytest.approx(2 * costs["worker_hours"].sum())
    assert "4,680 new images in all" in (tmp_path / "08_reporting" / "plan" / "plan.md").read_text()


def test_the_plan_of_the_paper_measures_every_stage(tmp_path: Path, adapting: dict[str, Any]) -> None:
    assert_succeeded(run(tmp_path, "breastmnist", adapting, datasets=["breastmnist"], plan={"speeds": None}))
    costs = pd.read_csv(tmp_path / "08_reporting" / "plan" / "costs.csv")
    assert set(costs.loc[costs["stage"] == "expand", "row"]) == set(EXPANDED)
    assert set(costs.loc[costs["stage"] == "adapt", "row"]) == set(ADAPT)
    assert set(costs.loc[costs["stage"] == "train", "name"]) == {f"resnet50 {recipe}" for recipe in RECIPES}
    assert (costs["worker_hours"] > 0).all()
    assert not (tmp_path / "05_model_input").exists(), "nothing that was made is kept"
