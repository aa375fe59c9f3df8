"""Macro-F1 and AUC beside accuracy."""

from guided_imagination.report.accuracy import measure_table
from helpers.results import cells, tidy

METHODS = ["original", "gif_dalle"]


def texts(results):
    table = measure_table(results, METHODS)
    return table.header, [[cell.text for cell in row] for row in table.body]


def test_each_measure_has_its_mean_deviation_and_gain_at_the_largest_ratio():
    guided = [cells("cars", "gif_dalle", 1, 30, 30), cells("cars", "gif_dalle", 5, 41, 43)]
    results = tidy(cells("cars", "original", 0, 20, 24), *guided)
    results["macro_f1"] = results["accuracy"] - 10
    results["auc"] = results["accuracy"] / 2 + 50
    header, body = texts(results)
    assert header == ["dataset", "method", "accuracy", "macro-F1", "AUC"]
    assert body == [
        ["cars", "original", "22.0 ± 2.8", "12.0 ± 2.8", "61.0 ± 1.4"],
        ["cars", "gif_dalle", "42.0 ± 1.4 (+20.0)", "32.0 ± 1.4 (+20.0)", "71.0 ± 0.7 (+10.0)"],
    ]


def test_a_measure_that_was_not_taken_is_left_out():
    results = tidy(cells("cars", "original", 0, 20, 24))
    results["auc"] = None
    header, body = texts(results)
    assert header == ["dataset", "method", "accuracy"]
    assert body == [["cars", "original", "22.0 ± 2.8"]]


def test_without_results_there_is_no_table():
    assert not measure_table(tidy(), METHODS)
