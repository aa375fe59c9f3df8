"""Nodes of `report`: predictions that do not belong to the table beside them are not used."""

from dataclasses import replace

import pandas as pd
import pytest

from guided_imagination.pipelines.report import nodes
from guided_imagination.report.expansions import costs
from helpers.cells import RECIPE, Journal, job, run
from helpers.results import config
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
    return nodes.compare(results, config(), str(models), changed=list(changed))


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
    seeds = dataset([0, 1])
    found = nodes.confuse(both, seeds, config(), str(tmp_path), dataset="pets", changed=["gif_dalle"])
    assert found["methods"] == ("gif_dalle", "randaugment")


def test_rows_of_other_images_are_not_paired(results, tmp_path):
    path = tmp_path / "pets/gif_dalle/tiny-short-ratio5-seed1/predictions.parquet"
    pd.read_parquet(path).head(3).to_parquet(path)
    assert compared(results, tmp_path).empty


def test_the_table_says_what_ingest_has_said_of_copies(results, monkeypatch):
    monkeypatch.setattr(nodes.tracking, "log_table", lambda *_: None)

    def manifest(draw, *sentences):
        return {"draw": draw, "notes": [{"said": said, "examples": ["'a' and 'b'"]} for said in sentences]}

    settings = {"methods": ["gif_dalle", "randaugment"], "changed": [], "dataset": "pets"}
    drawn = [
        manifest(0, "1 of 9 is", "2 have"),
        {"draw": 1},
        manifest(2, "1 of 9 is"),
    ]  # the second of an older version
    _, table, notes = nodes.collect(costs("pets", {}), *drawn, results, draws=3, **settings)
    assert notes == {"1 of 9 is": [0, 2], "2 have": [0]}
    assert table.words.endswith("In pets, draw 0 and 2: 1 of 9 is. In pets, draw 0: 2 have.")
    _, table, notes = nodes.collect(costs("pets", {}), drawn[0], results, draws=1, **settings)
    assert notes == {"1 of 9 is": [], "2 have": []}
    assert table.words.endswith("In pets: 1 of 9 is. In pets: 2 have.")
