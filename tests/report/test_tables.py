"""Tables, by values worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from guided_imagination.report.ablation import ablations
from guided_imagination.report.accuracy import accuracy_table
from guided_imagination.report.differences import difference_table, differences
from guided_imagination.report.expansions import costs
from guided_imagination.report.summary import signed, summarise, with_references
from guided_imagination.report.table import Table
from helpers.results import METHODS, cells, tables, tidy


def by_method(table: Table) -> pd.DataFrame:
    return table.frame().set_index("method")


def cell(table: Table, method: str, column: str):
    row = table.frame()["method"].tolist().index(method)
    return table.body[row][table.header.index(column)]


@pytest.fixture
def natural(results):
    return tables(results)["accuracy_natural"]


def test_cells_are_mean_sample_deviation_and_gain(natural):
    # originals: mean 22, deviation sqrt((4 + 4) / 1) = 2.83; gif_dalle at its largest ratio: mean 42, sqrt(1 + 1)
    assert by_method(natural).loc["original", "cars"] == "22.0 ± 2.8"
    assert by_method(natural).loc["gif_dalle", "cars"] == "42.0 ± 1.4 (+20.0)"


def test_the_best_of_a_column_is_marked_and_a_number_knows_its_runs(natural):
    best = cell(natural, "gif_dalle", "cars")
    assert best.best
    assert best.runs == ("cars-gif_dalle-5-tiny-0", "cars-gif_dalle-5-tiny-1")
    assert not any(cell(natural, method, "cars").best for method in ("original", "randaugment", "dalle", "narrow"))


def test_rows_keep_the_order_of_the_methods_and_only_the_group_is_shown(natural):
    assert natural.frame()["method"].tolist() == list(METHODS)
    assert natural.header == ["method", "cars"]


def test_a_single_run_has_no_deviation(results):
    medical = tables(results)["accuracy_medical"]
    assert by_method(medical).loc["gif_dalle", "pathmnist"] == "81.5 (+11.5)"
    assert medical.frame()["method"].tolist() == ["original", "gif_dalle"]


def test_the_words_say_what_was_measured_on(natural):
    for part in ("test images of cars", "2 training runs of tiny", "recipe matched", "at 5\u00d7 new images"):
        assert part in natural.words


def test_an_average_stands_only_where_every_dataset_was_measured():
    frame = tidy(
        cells("cars", "original", 0, 20), cells("cars", "gif", 5, 50), cells("cars", "cutout", 5, 25),
        cells("pets", "original", 0, 40), cells("pets", "gif", 5, 60),
    )  # fmt: skip
    table = by_method(accuracy_table(summarise(frame), ["original", "cutout", "gif"], name="", title=""))
    assert table.loc["gif", "average"] == "55.0 (+25.0)"
    assert table.loc["original", "average"] == "30.0"
    assert table.loc["cutout", ["pets", "average"]].tolist() == ["", ""]


def test_references_come_last_and_are_never_the_best(results):
    zero_shot = tidy(cells("cars", "clip", 0, 90.0, architecture="vit")).assign(recipe="zero-shot", run_id="")
    table = tables(pd.concat([results, zero_shot]))["accuracy_natural"]
    assert table.frame()["method"].tolist() == [*METHODS, "clip"]
    assert cell(table, "clip", "cars").text == "90.0"
    assert not cell(table, "clip", "cars").best
    assert cell(table, "clip", "cars").runs == ()
    assert cell(table, "gif_dalle", "cars").best


def test_architectures_are_not_averaged_into_one_number(results):
    table = accuracy_table(summarise(results), list(METHODS), name="", title="")
    assert "cars (large)" in table.header
    assert by_method(table).loc["original", "cars (large)"] == "30.0 ± 0.0"


def test_architectures_are_columns_of_datasets_that_have_two(results):
    table = by_method(tables(results)["architectures"])
    assert list(table) == ["tiny", "large", "average"]
    assert table.loc["gif_dalle"].tolist() == ["42.0 ± 1.4 (+20.0)", "50.0 ± 0.0 (+20.0)", "46.0 (+20.0)"]
    assert table.loc["randaugment"].tolist() == ["34.0 ± 1.4 (+12.0)", "", ""]


def test_one_architecture_is_no_table(results):
    assert not tables(results[results["architecture"] == "tiny"])["architectures"]


def test_ablations_are_rows_that_change_a_full_method():
    assert ablations(METHODS) == {"gif_dalle": {"dalle": "unguided", "narrow": "eps = 0.01, criteria = paper"}}


def test_an_ablation_shows_the_difference_and_the_number_of_runs(results):
    table = tables(results)["ablation"].frame()
    tiny = table[(table["dataset"] == "cars") & (table["architecture"] == "tiny")].set_index("method")
    assert tiny["change"].tolist() == ["full method", "unguided", "eps = 0.01, criteria = paper"]
    assert tiny["difference"].tolist() == ["", "-3.0", "-2.0"]
    assert tiny["runs"].tolist() == ["2", "2", "2"]
    # on pathmnist and with the large network nothing was varied
    assert len(table) == len(tiny)


def test_cost_is_time_and_money_per_thousand_images():
    speeds = costs("cars", {"gif_dalle": {"images_per_second": 2}, "dalle": {"images_per_second": 0}, "old": {}})
    table = tables(tidy(), speeds=speeds)["cost"]
    # 1000 / 2 = 500 s; 500 s / 3600 at 3.6 dollars an hour; by hand 1000 * 0.05
    assert table.frame().to_numpy().tolist() == [
        ["cars", "gif_dalle", "", "", "500.0", "0.50"],
        ["any", "labelled by hand", "", "", "", "50.00"],
    ]
    assert "3.6 per hour" in table.words


def test_nothing_made_means_no_cost_table():
    assert not tables(tidy(), speeds=costs("cars", {"original": {}}))["cost"]


def test_a_difference_has_the_interval_of_its_images(results, config):
    # gif_dalle is right on 3 of 4 images in every run, randaugment on 1 of 4, always the same
    right = {"gif_dalle": [True, True, True, False], "randaugment": [True, False, False, False]}
    found = differences(results, config.compare, lambda row: np.array(right.get(row["method"], [False] * 4)))
    row = found.set_index("architecture").loc["tiny"]
    assert (row["method"], row["minus"], row["ratio"], row["images"]) == ("gif_dalle", "randaugment", 5, 4)
    assert row["difference"] == pytest.approx(50)
    assert row["low"] < 50 < row["high"]
    assert difference_table(found).frame().loc[0, "difference"] == "+50.0"


def test_a_pair_without_kept_predictions_is_left_out(results, config):
    found = differences(results, config.compare, lambda row: None)
    assert found.empty
    assert not difference_table(found)


def test_there_is_no_negative_zero():
    assert [signed(points) for points in (-0.04, 0.0, 1.25, -3)] == ["+0.0", "+0.0", "+1.2", "-3.0"]


def test_a_dataset_that_no_group_names_is_other(config):
    assert config.group_of("pathmnist") == "medical"
    assert config.group_of("birds") == "other"


def test_no_results_are_empty_tables():
    assert not any(tables(tidy()).values())


def test_a_gain_that_a_dataset_lacks_is_in_no_average():
    """Its originals failed: a mean over the others would stand beside accuracies of all."""
    own = cells("pets", "original", 0, 40), cells("pets", "gif", 5, 50)
    rows = tidy(*own, cells("cars", "gif", 5, 85))
    table = accuracy_table(summarise(rows), ["original", "gif"], name="n", title="t").frame().set_index("method")
    assert table.loc["gif"].tolist() == ["50.0 (+10.0)", "85.0", "67.5"]


def test_without_a_finished_cell_there_are_references_or_nothing(results):
    """Whatever failed is told by name elsewhere: the report has to get there."""
    empty = summarise(results[:0])
    assert with_references(empty, empty, METHODS).empty
    zero_shot = summarise(tidy(cells("cars", "clip", 0, 90.0)))
    assert with_references(empty, zero_shot, METHODS).empty
