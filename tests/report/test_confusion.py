"""Which classes gain, from predictions whose shares can be reckoned in the head."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from guided_imagination.report.confusion import Confusion, class_table, confusion, confusion_figure
from helpers.results import cells, tidy

CLASSES = ["crow", "owl"]
PAIR = ("gif_dalle", "randaugment")
# of two crows and two owls: what each run of a row says
SAID = {("gif_dalle", 0): [0, 0, 1, 1], ("gif_dalle", 1): [0, 0, 1, 0], ("randaugment", 0): [0, 1, 1, 1]}


def predictions(row):
    said = SAID.get((row["method"], row["seed"]))
    return None if said is None else pd.DataFrame({"label": [0, 0, 1, 1], "prediction": said})


@pytest.fixture
def found():
    results = tidy(cells("cars", "gif_dalle", 5, 90, 80), cells("cars", "randaugment", 5, 70))
    return confusion(results, PAIR, predictions, "cars", CLASSES)


def test_runs_are_summed_by_class_and_prediction(found):
    assert found.counts == [[[4, 0], [1, 3]], [[1, 1], [0, 2]]]
    assert found.shares.tolist() == [[[100, 0], [25, 75]], [[50, 50], [0, 100]]]


def test_the_class_that_gains_most_comes_first(found):
    table = class_table([found])
    assert [[cell.text for cell in row] for row in table.body] == [
        ["cars", "crow", "gif_dalle", "100.0", "randaugment", "50.0", "+50.0"],
        ["cars", "owl", "gif_dalle", "75.0", "randaugment", "100.0", "-25.0"],
    ]


def test_only_the_largest_ratio_counts():
    small = cells("cars", "gif_dalle", 1, 10, 10, 10)  # its third run has no predictions
    results = tidy(small, cells("cars", "gif_dalle", 5, 90), cells("cars", "randaugment", 5, 70))
    assert confusion(results, PAIR, predictions, "cars", CLASSES).counts[0] == [[2, 0], [0, 2]]


def test_without_predictions_or_without_a_row_there_is_nothing_to_tell():
    alone = tidy(cells("cars", "gif_dalle", 5, 90))
    assert confusion(alone, PAIR, predictions, "cars", CLASSES) is None
    unkept = tidy(cells("cars", "gif_dalle", 5, 90), cells("cars", "randaugment", 5, 70, 70))
    assert confusion(unkept, PAIR, predictions, "cars", CLASSES) is None
    assert not class_table([])


def test_a_class_without_an_image_has_no_share():
    counts = [[[3, 1], [0, 0]]] * 2
    assert np.array_equal(Confusion("cars", "tiny", CLASSES, PAIR, counts).shares[0], [[75, 25], [0, 0]])


def test_the_figure_shows_both_rows_and_what_differs(found):
    figure = confusion_figure([found])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["cars: gif_dalle", "randaugment", "difference"]
    assert [text.get_text() for text in figure.axes[2].texts] == ["+50", "-50", "+25", "-25"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == CLASSES


def test_a_figure_of_many_classes_or_of_none_says_so():
    many = Confusion("cars", "tiny", [str(n) for n in range(31)], PAIR, np.zeros((2, 31, 31), int).tolist())
    for found in ([], [many]):
        figure = confusion_figure(found)
        assert not figure.axes
        assert figure.texts[0].get_text() == "No two rows to compare by class."


def test_it_can_be_written_and_read(found):
    assert Confusion(**json.loads(json.dumps(asdict(found)))).shares.tolist() == found.shares.tolist()


def test_what_is_set_apart_in_the_accuracy_tables_is_not_set_against_each_other():
    """Longer training is another condition: it is no gain of the images."""
    longer = tidy(cells("cars", "gif_dalle", 5, 90), recipe_key="b2c3")
    other = tidy(cells("cars", "randaugment", 5, 70))
    assert confusion(pd.concat([longer, other]), PAIR, predictions, "cars", CLASSES) is None
    own = [PAIR[0]]  # unless the row itself says so
    assert confusion(pd.concat([longer, other]), PAIR, predictions, "cars", CLASSES, own) is not None


def test_only_draws_that_both_rows_have_are_counted():
    both = [tidy(cells("cars", method, 5, 90), draw=0) for method in PAIR]
    results = pd.concat([*both, tidy(cells("cars", PAIR[0], 5, 10), draw=1)])
    found = confusion(results, PAIR, predictions, "cars", CLASSES)
    assert np.sum(found.counts, axis=(1, 2)).tolist() == [4, 4]


def test_the_words_say_what_was_measured(found):
    assert class_table([found]).words.endswith(
        "Of tiny by the recipe matched, on the test images of cars, at 5\u00d7 new images per seed image."
    )
