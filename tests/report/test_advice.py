"""What to use: chosen on validation images, compared on the measured ones, said in one sentence."""

import numpy as np
import pandas as pd
import pytest

from guided_imagination.report.advice import advice, advice_table, sentence
from helpers.results import cells, tidy

WAYS = {"original": 0, "clip_few_shot": 0, "gif": 5, "dalle": 5}


def results(validation, draws=3, **accuracies):
    """Rows of WAYS: accuracy + draw, with these validation accuracies."""
    parts = [
        tidy(*(cells("cars", name, WAYS[name], value + draw) for name, value in accuracies.items()), draw=draw)
        for draw in range(draws)
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(validation=[validation[name] for name in rows["method"]])


def found(rows, correct=lambda row: None):
    (row,) = advice(rows, ["gif", "dalle"], correct).to_dict("records")
    return row


def test_ways_are_chosen_on_validation_images_and_compared_on_the_measured():
    validation = {"original": 60, "clip_few_shot": 70, "gif": 80, "dalle": 75}
    row = found(results(validation, original=90, clip_few_shot=70, gif=72, dalle=99))
    assert (row["without"], row["with_images"]) == ("clip_few_shot", "gif")
    assert (row["without_accuracy"], row["with_accuracy"]) == (71, 73)
    assert (row["difference"], row["low"], row["high"], row["covers"]) == (2, 2, 2, "3 draws")
    assert row["chosen_on"] == "validation images"


def test_without_validation_images_the_choice_is_made_on_the_measured_and_says_so():
    validation = {"original": 60, "clip_few_shot": np.nan, "gif": 80, "dalle": 75}
    row = found(results(validation, original=90, clip_few_shot=70, gif=72, dalle=99))
    assert (row["without"], row["with_images"]) == ("original", "dalle")
    assert "flatters" in row["chosen_on"]


def test_one_draw_is_compared_by_the_images():
    rows = results(dict.fromkeys(WAYS, 50), draws=1, original=50, gif=75)
    answers = {"original": [1, 1, 0, 0], "gif": [1, 1, 1, 0]}
    row = found(rows, lambda row: np.array(answers[row["method"]], bool))
    assert (row["difference"], row["covers"]) == (25, "images")
    assert row["low"] < 0 < row["high"]


def test_a_way_is_named_by_what_tells_it_apart():
    rows = results(dict.fromkeys(WAYS, 50), original=50, gif=75)
    other = rows[rows["method"] == "gif"].assign(ratio=10, validation=60)
    assert found(pd.concat([rows, other]))["with_images"] == "gif (10)"


def test_a_dataset_with_ways_of_one_kind_has_no_advice():
    assert advice(results({"original": 1}, original=50), ["gif"], lambda row: None).empty


@pytest.mark.parametrize(
    ("low", "high", "begins"),
    [
        (1, 3, "Generate images: gif (72.0 %) is better than original (70.0 %)"),
        (-3, -1, "Do not generate images: original (70.0 %) is better than gif (72.0 %)"),
        (-1, 3, "Use original (70.0 %): new images make no significant difference, gif (72.0 %)"),
        (float("nan"), float("nan"), "Cannot be compared: predictions of gif (72.0 %) or original (70.0 %) were not"),
    ],
)
def test_the_sentence_follows_the_interval(low, high, begins):
    row = {"with_images": "gif", "with_accuracy": 72, "without": "original", "without_accuracy": 70}
    assert sentence({**row, "difference": 2, "low": low, "high": high}).startswith(begins)


def test_the_table_has_the_sentence_and_what_the_choice_was_made_on():
    rows = results({"original": 60, "gif": 80}, original=50, gif=72)
    table = advice_table(advice(rows, ["gif"], lambda row: None))
    ((dataset, told, *_),) = [[cell.text for cell in row] for row in table.body]
    assert dataset == "cars"
    assert told.startswith("Generate images: gif (73.0 %) is better than original (51.0 %)")
    assert "chosen by its accuracy on validation images" in table.words
