"""`--env paper` without hub or GPU: real ids, pinned revisions and the hub's layout, tiny random weights, real images.

Only sizes are overridden; what the tables then hold means nothing.
"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import Result

from helpers.project import ROOT, assert_succeeded, kedro_run

SHARED = ROOT.parent / "shared" / "data"
EXPANDED = ["cutout", "gridmask", "randaugment", "mae", "gif_mae", "dalle", "gif_dalle", "sd", "gif_sd"]
WHILE_TRAINING = ["mixup", "cutmix", "randaugment_online"]
ROWS = ["original", *EXPANDED[:-2], *WHILE_TRAINING, *EXPANDED[-2:], "clip_zero_shot"]
SIDE = {"image_size": 32, "inference_steps": 2}
SMALL = {
    "generators": {"kandinsky": SIDE, "stable_diffusion": {**SIDE, "inference_steps": 3}},
    "ratio": 2,
    "compute": {"workers": {"count": 1}},  # other processes know nothing of the hub of these tests
    "train": {"seeds": 1, "log_points": 1},
    "recipes": {"paper": {"epochs": 1, "batch_size": 8}},
    "architectures": {"resnet50": {"model": "resnet10t", "arguments": {"channels": [8, 8, 8, 8]}}},
}
pytestmark = [
    pytest.mark.skipif(not SHARED.exists(), reason="the real images of ../shared/data are not on this machine"),
    pytest.mark.usefixtures("project", "offline", "mlflow_database"),
]


def run(data: Path, dataset: str, spec: dict[str, object]) -> Result:
    """`kedro run --env paper --namespaces DATASET` with sizes overridden and an MLflow of its own."""
    params = {**SMALL, "data_dir": str(data), "dataset_specs": {dataset: {"resolution": 32, **spec}}}
    conf = shutil.copytree(ROOT / "conf", data / "conf")
    tracking = {"server": {"mlflow_tracking_uri": f"sqlite:///{data}/mlflow.db"}}
    (conf / "paper" / "mlflow.yml").write_text(yaml.safe_dump(tracking))
    settings = data / "run.yml"
    options = {"env": "paper", "namespaces": dataset, "conf_source": str(conf), "params": params}
    settings.write_text(yaml.safe_dump({"run": options}))
    return kedro_run("--config", str(settings))


def assert_all_rows(data: Path, dataset: str) -> None:
    results = pd.read_csv(data / "08_reporting" / dataset / "results.csv")
    assert results["method"].tolist() == ROWS
    report = data / "08_reporting" / dataset
    assert {path.name for path in report.glob("*.png")} == {f"contact_sheet_{name}.png" for name in EXPANDED}
    table = (report / "accuracy_table" / "accuracy_table.md").read_text()
    assert [line.split("|")[1].strip(" *") for line in table.splitlines() if line.startswith("|")][2:] == ROWS


def manifest(data: Path, dataset: str, method: str) -> dict[str, object]:
    return json.loads((data / "05_model_input" / dataset / method / "manifest.json").read_text())


def test_every_row_of_caltech101_on_real_photographs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = SHARED / "caltech101_12classes/caltech101/101_ObjectCategories"
    spec = {"source": {"path": str(folder), "download": None}, "sizes": None, "seeds_per_class": 2}
    assert_succeeded(run(tmp_path, "caltech101", spec))
    assert "| gif_sd" in caplog.text, "the run ends with the table"
    assert_all_rows(tmp_path, "caltech101")
    for method in EXPANDED:
        assert sum(shard["rows"] for shard in manifest(tmp_path, "caltech101", method)["shards"]) == 12 * 2 * 2
    fingerprint = manifest(tmp_path, "caltech101", "gif_sd")["fingerprint"]
    # the paper's setting for this dataset, not the common one
    assert (fingerprint["eps"], fingerprint["strength"], fingerprint["guidance_scale"]) == (4, 0.9, 5)
    assert fingerprint["guide"] == "openai/clip-vit-base-patch32"


def test_medical_generators_are_adapted_first(tmp_path: Path) -> None:
    adapt = {name: {"adapt": {"steps": 2}} for name in ("expand_mae", "expand_dalle", "expand_sd")}
    spec = {
        "source": {"kind": "npz", "path": str(SHARED / "breastmnist_repackaged.npz")},
        "classes": ["malignant", "benign"],
        "overrides": adapt,
    }
    assert_succeeded(run(tmp_path, "breastmnist", spec))
    assert_all_rows(tmp_path, "breastmnist")
    for method, pipeline in (("gif_mae", "expand_mae"), ("gif_dalle", "expand_dalle"), ("gif_sd", "expand_sd")):
        record = json.loads((tmp_path / "06_models/breastmnist" / pipeline / "adapted.json").read_text())
        assert manifest(tmp_path, "breastmnist", method)["fingerprint"]["adapted weights"] == record["checksum"]
