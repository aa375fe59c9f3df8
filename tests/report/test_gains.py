"""The figure of where the gain comes from."""

import pandas as pd
import pytest

from helpers.results import cells, tidy, views


def lines(axes):
    """The mean and the draws of every row, by its label."""
    labels = [text.get_text() for text in axes.get_yticklabels()]
    found = {label: {} for label in labels}
    for line in axes.get_lines():
        heights = {round(float(y)) for y in line.get_ydata()}
        if len(heights) == 1 and line.get_marker() in "o|":
            kind = "draws" if line.get_marker() == "o" else "mean"
            found[labels[heights.pop()]][kind] = [float(x) for x in line.get_xdata()]
    return found


def test_every_row_has_its_mean_in_the_order_of_the_methods_and_says_what_it_changes(results):
    axes = views(results[results["dataset"] == "cars"]).figures()["gains_figure"].axes[0]
    assert lines(axes) == {
        "original": {"mean": [22]},
        "randaugment": {"mean": [34]},
        "dalle: unguided": {"mean": [39]},
        "gif_dalle": {"mean": [42]},
        "narrow: eps = 0.01, criteria = paper": {"mean": [40]},
    }


def test_draws_are_dots_around_their_mean():
    rows = [tidy(cells("cars", "gif_dalle", 5, mean - 1, mean + 1), draw=draw) for draw, mean in enumerate((40, 50))]
    axes = views(pd.concat(rows)).figures()["gains_figure"].axes[0]
    assert lines(axes) == {"gif_dalle": {"mean": [45], "draws": [40, 50]}}


def test_a_panel_per_dataset(results):
    titles = [axes.get_title(loc="left").replace("\n", " ") for axes in views(results).figures()["gains_figure"].axes]
    assert titles == [
        f"tiny by the recipe matched, on the test images of {dataset}, at 5\u00d7 new images per seed image"
        for dataset in ("cars", "pathmnist")
    ]


@pytest.mark.filterwarnings("error")
def test_without_results_the_figure_is_empty(results):
    assert not views(results[:0]).figures()["gains_figure"].axes
