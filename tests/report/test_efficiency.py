"""Which ratio of one method equals another's, by hand."""

import pandas as pd
import pytest

from guided_imagination.report.efficiency import Reading, read_off
from helpers.results import cells, tables, tidy, views


def curve(**accuracies: float) -> pd.Series:
    return pd.Series({int(ratio.removeprefix("x")): value for ratio, value in accuracies.items()})


def test_interpolation_is_between_the_neighbouring_ratios():
    # 34 lies between 31 at 1x and 36 at 2x: 1 + 3/5
    reading = read_off(curve(x1=31, x2=36, x5=42), curve(x1=29, x5=34))
    assert reading == Reading(ratio=5, target=34, tried=2, interpolated=pytest.approx(1.6))


def test_the_order_of_ratios_does_not_matter():
    assert read_off(curve(x5=42, x1=31, x2=36), curve(x5=34, x1=29)).tried == 2


def test_below_the_smallest_tried_ratio_nothing_is_claimed():
    assert read_off(curve(x2=50, x5=60), curve(x1=20, x20=40)) == Reading(20, 40, 2, 2.0)


def test_equal_is_reached():
    assert read_off(curve(x1=30, x5=40), curve(x5=40)) == Reading(5, 40, 5, pytest.approx(5))


def test_never_reached_is_none():
    assert read_off(curve(x1=30, x5=39.9), curve(x5=40)) == Reading(5, 40, None, None)


def test_a_curve_that_falls_is_read_where_it_is_first_enough():
    assert read_off(curve(x1=30, x2=44, x5=20, x10=46), curve(x10=37)).interpolated == pytest.approx(1.5)


def test_tables_of_curve_and_readings(results):
    made = tables(results)
    table, readings = made["efficiency"], made["readings"]
    assert table.header == ["method", "0\u00d7", "1\u00d7", "2\u00d7", "5\u00d7"]
    assert table.frame().set_index("method").loc["gif_dalle", "2\u00d7"] == "36.0 ± 1.4 (+14.0)"
    assert "pathmnist" not in table.words, "one ratio is no curve"
    # dalle: 34 between 30 at 1x and 39 at 5x, 1 + 4 * 4/9 = 2.8
    assert readings.frame().to_numpy().tolist() == [
        ["dalle", "randaugment", "5\u00d7", "34.0", "5\u00d7", "2.8\u00d7"],
        ["gif_dalle", "randaugment", "5\u00d7", "34.0", "2\u00d7", "1.6\u00d7"],
    ]


def test_a_single_ratio_is_neither_table_nor_curve():
    results = tidy(cells("cars", "original", 0, 20), cells("cars", "gif_dalle", 5, 30))
    made = tables(results)
    assert not made["efficiency"]
    assert not made["readings"]
    assert not views(results).figures()["efficiency_figure"].axes


def test_the_figure_has_a_labelled_line_per_method_and_a_panel_per_dataset(results):
    pets = results[results["dataset"] == "cars"].assign(dataset="pets")
    figure = views(pd.concat([results, pets])).figures()["efficiency_figure"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["cars", "pets"]
    axes = figure.axes[0]
    lines = {container.get_label(): container[0] for container in axes.containers}
    assert list(lines) == ["randaugment", "dalle", "gif_dalle"]
    assert lines["gif_dalle"].get_xydata().tolist() == [[1, 31], [2, 36], [5, 42]]
    assert {text.get_text() for text in axes.texts} == {"original", *lines}
    assert (
        len({line.get_color() for line in lines.values()}) == len({line.get_marker() for line in lines.values()}) == 3
    )
