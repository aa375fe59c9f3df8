"""What is found on a dataset; predictions that do not belong to the table beside them are not used."""

from dataclasses import replace
from functools import partial

import pandas as pd
import pytest

from guided_imagination.data.dataset import class_names
from guided_imagination.report.confusion import Confusion, confusions
from guided_imagination.report.differences import differences
from guided_imagination.report.findings import Findings, correct, mean_audits, noted, predictions
from helpers.cells import RECIPE, Journal, job, run
from helpers.results import cells, config, findings, tidy
from helpers.toy import dataset


@pytest.fixture
def results(tmp_path):
    """Two rows of the same cells, whose predictions are kept."""
    tables = []
    for method in ("gif_dalle", "randaugment"):
        jobs = [_named(job(seed), method) for seed in (0, 1)]
        tables.append(run(tmp_path, *jobs)[0])
    return pd.concat(tables, ignore_index=True)


def _named(made, method):
    return replace(made, cell=replace(made.cell, method=method))


def compared(results, models, *changed):
    return differences(results, config().compare, partial(correct, models), changed)


def test_intervals_come_from_the_predictions_of_the_table(results, tmp_path):
    assert len(compared(results, tmp_path)) == 1


def test_predictions_of_a_later_training_are_left_out(results, tmp_path):
    """A run with another recipe was killed: its first cells are there, the table is that of the run before."""
    longer = RECIPE.overridden({"updates": 6})
    run(tmp_path, *[_named(job(seed, recipe=longer), "gif_dalle") for seed in (0, 1)], journal=Journal())
    assert compared(results, tmp_path).empty


def test_a_row_that_changes_its_recipe_itself_keeps_its_predictions(results, tmp_path):
    grey = RECIPE.overridden({"grayscale": True})
    own, _ = run(tmp_path, *[_named(job(seed, recipe=grey), "gif_dalle") for seed in (0, 1)], journal=Journal())
    both = pd.concat([own, results[results["method"] == "randaugment"]], ignore_index=True)
    assert compared(both, tmp_path).empty, "other recipes are another condition"
    assert len(compared(both, tmp_path, "gif_dalle")) == 1
    said = partial(predictions, tmp_path)
    found = confusions(both, config().compare, said, "pets", class_names(dataset([0, 1])), ["gif_dalle"])
    assert found["pets"].methods == ("gif_dalle", "randaugment")
    assert confusions(both, [("gif_dalle", "mae")], said, "pets", []) == {}


def test_rows_of_other_images_are_not_paired(results, tmp_path):
    path = tmp_path / "pets/gif_dalle/tiny-short-ratio5-seed1/predictions.parquet"
    pd.read_parquet(path).head(3).to_parquet(path)
    assert compared(results, tmp_path).empty


def test_what_ingest_has_said_is_told_of_its_draws():
    def manifest(draw, *sentences):
        return {"draw": draw, "notes": [{"said": said, "examples": ["'a' and 'b'"]} for said in sentences]}

    old = {"draw": 1}  # of an older version
    assert noted([manifest(0, "1 of 9 is", "2 have"), old, manifest(2, "1 of 9 is")]) == {
        "1 of 9 is": [0, 2],
        "2 have": [0],
    }
    assert noted([manifest(0, "1 of 9 is", "2 have")]) == {"1 of 9 is": [], "2 have": []}
    assert noted([manifest(3, "2 have"), manifest(1, "2 have")]) == {"2 have": []}


def test_audits_are_means_over_the_draws_in_the_order_of_the_methods():
    draws = [
        pd.DataFrame({"method": ["original", "gif"], "images": [4, 8], "fid": [None, value]}) for value in (1.0, 2.0)
    ]
    found = mean_audits(draws, "pets")
    assert found.to_dict("list") == {
        "method": ["original", "gif"],
        "images": [4, 8],
        "fid": [pytest.approx(float("nan"), nan_ok=True), 1.5],
        "dataset": ["pets", "pets"],
    }


def test_findings_of_several_datasets_are_one_collection():
    parts = [
        findings(
            tidy(cells(name, "original", 0, accuracy)),
            notes={name: {"said": []}},
            failures={f"{name} cell": "boom"},
            confusions={name: Confusion(name, "tiny", ["a"], ("one", "other"), [[[1]], [[1]]])},
        )
        for name, accuracy in (("cars", 20), ("pets", 30))
    ]
    joined = Findings.joined(parts)
    assert joined.results[["dataset", "accuracy"]].to_numpy().tolist() == [["cars", 20], ["pets", 30]]
    assert joined.results.index.tolist() == [0, 1]
    assert joined.notes == {"cars": {"said": []}, "pets": {"said": []}}
    assert joined.failures == {"cars cell": "boom", "pets cell": "boom"}
    assert [found.dataset for found in joined.confusions.values()] == ["cars", "pets"]
    assert joined.looks == {}
