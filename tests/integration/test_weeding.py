"""From a click to the retrained table: five images are marked on the page of a small job, which then runs again."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from datasets import load_dataset

from helpers.browser import chromium, opened
from helpers.project import assert_succeeded, kedro_run

LEFT_OUT = ("cutout", "gridmask", "randaugment", "mae", "gif_mae", "dalle", "gif_dalle_narrow")
REFERENCES = [f"train.references.{name}=null" for name in ("clip_zero_shot", "clip_few_shot")]
SMALL = ["train.teacher=null", *REFERENCES, *(f"methods.{name}=null" for name in LEFT_OUT)]
SMALL += ["train.architectures=tiny", "train.seeds=1"]
MARKED = 5

pytestmark = pytest.mark.usefixtures("project")


def run(data: Path, *changes: str, pipelines: str = "__default__"):
    given = ",".join([f"data_dir={data}", *SMALL, *changes])
    return kedro_run("--env", "test", "--pipelines", pipelines, "--params", given)


def mark_five(data: Path) -> Path:
    """By click and by keys, in a browser; the list as it was downloaded."""
    trouble: list[str] = []
    with chromium() as browser, opened(browser, data / "08_reporting/report.html", trouble) as page:
        section = page.locator("#weed-fashion")
        section.locator(".variant").first.click()
        for _ in range(MARKED - 1):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("x")
        assert section.locator("output").inner_text() == "5 marked"
        with page.expect_download() as download:
            section.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename == "weed.json"
        download.value.save_as(data / "weed.json")
    assert trouble == []
    return data / "weed.json"


def images(data: Path) -> "pd.Series[int]":
    """How many images each row of the results was trained on."""
    return pd.read_csv(data / "08_reporting/results.csv").set_index(["method", "ratio"])["images"]


def test_what_is_marked_in_the_browser_is_not_trained_on(mlflow_template, tmp_path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(mlflow_template, data / "mlflow.db")
    assert_succeeded(run(data))
    before, words = images(data), (data / "08_reporting/tables/accuracy_embedded/accuracy_embedded.md").read_text()
    assert before.to_dict() == {("original", 0): 20, ("gif_dalle", 1): 40, ("gif_dalle", 2): 60}
    assert "Every expansion holds as many new images as its ratio promises." in words
    manifest = (data / "05_model_input/fashion/gif_dalle/manifest.json").read_bytes()

    path = mark_five(data)
    named = json.loads(path.read_text())
    assert (named["dataset"], named["draw"], list(named["expansions"])) == ("fashion", 0, ["gif_dalle"])
    first = sum(weed["variant"] == 0 for weed in named["weed"])
    assert len(named["weed"]) == MARKED
    assert_succeeded(run(data, f"dataset_specs.fashion.weed={path}", pipelines="train,report,export"))

    after = images(data)
    assert after["gif_dalle", 2] == before["gif_dalle", 2] - MARKED
    assert after["gif_dalle", 1] == before["gif_dalle", 1] - first
    assert after["original", 0] == before["original", 0]
    report = data / "08_reporting"
    words = (report / "tables/accuracy_embedded/accuracy_embedded.md").read_text()
    assert "promises: gif_dalle 35 of 40 (5 weeded; " in words
    assert pd.read_csv(report / "tables/cost/cost.csv")["images"].tolist()[0] == "35 of 40, 5 weeded"
    assert (data / "05_model_input/fashion/gif_dalle/manifest.json").read_bytes() == manifest
    export = report / "export/fashion/gif_dalle/huggingface"
    rows = load_dataset(str(export), split="train", cache_dir=str(tmp_path / "cache"))
    assert sum(rows["generated"]) == 35
    assert "20 real seed images and 35 images made of them" in (export / "README.md").read_text()
    page = json.loads((report / "looks.json").read_text())["fashion"]
    assert len(page["rows"][0]["weeded"]) == MARKED, "they are marked when the page is opened again"

    named["weed"][0]["seed_id"] = "nobody"
    path.write_text(json.dumps(named))
    refused = run(data, f"dataset_specs.fashion.weed={path}", pipelines="train")
    assert refused.exit_code == 1
    assert "has no variant" in refused.stderr
    assert "Traceback" not in refused.stderr
