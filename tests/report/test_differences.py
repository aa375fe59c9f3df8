"""Which rows are compared, on which images, and what an interval covers."""

import math

import numpy as np
import pandas as pd
import pytest

from guided_imagination.report.differences import COLUMNS, difference_table, differences, mean_interval
from helpers.results import cells, tidy

PAIR = [("gif", "original")]


def found(rows: pd.DataFrame, right: dict[tuple, list | None], pairs=PAIR) -> pd.DataFrame:
    """The differences where a run is right on the images that `right` gives by its method, draw and seed."""

    def correct(row):
        answers = right.get((row["method"], row["draw"], row["seed"]))
        return None if answers is None else np.array(answers, bool)

    return differences(rows, pairs, correct)


def runs(draw: int, **counts: int) -> pd.DataFrame:
    """So many runs of each method in one draw."""
    return tidy(*(cells("cars", method, 0, *[50] * count) for method, count in counts.items()), draw=draw)


def test_a_pair_is_compared_where_both_were_measured_in_the_order_of_the_results_and_of_the_pairs():
    measured = [
        ("pets", "gif", 5), ("pets", "original", 0), ("pets", "dalle", 5), ("birds", "gif", 5), ("cats", "original", 0),
        ("cars", "gif", 1), ("cars", "original", 0),
    ]  # fmt: skip
    rows = pd.concat(tidy(*(cells(*row, 50 + draw) for row in measured), draw=draw) for draw in (0, 1))
    made = found(rows, {}, [("gif", "original"), ("dalle", "original"), ("original", "nothing")])
    assert list(made) == COLUMNS
    assert made[["dataset", "split", "ratio", "method", "minus"]].to_numpy().tolist() == [
        ["pets", "test", 5, "gif", "original"],
        ["pets", "test", 5, "dalle", "original"],
        ["cars", "test", 1, "gif", "original"],
    ]


def test_one_draw_in_common_is_compared_by_its_own_images():
    rows = pd.concat([runs(0, gif=1, original=1), runs(1, gif=1), runs(2, original=1)])
    right = {("gif", 0, 0): [1, 1, 1, 0], ("original", 0, 0): [1, 0, 0, 0]}
    right |= {("gif", 1, 0): [0, 0, 0, 0], ("original", 2, 0): [1, 1, 1, 1]}
    (made,) = found(rows, right).to_dict("records")
    assert (made["difference"], made["covers"], made["images"]) == (50, "images", 4)


def test_two_draws_in_common_are_compared_by_their_means_without_any_prediction():
    rows = [
        tidy(cells("cars", "gif", 0, 10, 14), cells("cars", "original", 0, 10), draw=0),
        tidy(cells("cars", "gif", 0, 26), cells("cars", "original", 0, 19, 21), draw=1),
        tidy(cells("cars", "gif", 0, 99), draw=2),
    ]
    (made,) = found(pd.concat(rows), {}).to_dict("records")
    # 2 and 6: mean 4, deviation sqrt(8), t of one degree of freedom 12.706
    assert (made["difference"], made["covers"]) == (4, "2 draws")
    assert (made["low"], made["high"]) == pytest.approx((4 - 12.7062 * 2, 4 + 12.7062 * 2), abs=1e-3)
    assert made["images"] is None or math.isnan(made["images"])


@pytest.mark.parametrize(
    ("gif", "original", "covers"),
    [(1, 3, "images"), (3, 1, "images"), (2, 3, "images, 2 and 3 runs"), (2, 2, "images, 2 runs")],
)
def test_an_interval_covers_runs_where_both_sides_have_several(gif, original, covers):
    right = {(method, 0, seed): [seed % 2, 1, 0] for method in ("gif", "original") for seed in range(3)}
    assert found(runs(0, gif=gif, original=original), right)["covers"].tolist() == [covers]


@pytest.mark.parametrize(
    "lost",
    [{("gif", 0, 1): None}, {("original", 0, 0): None}, {("gif", 0, 1): [1, 0]}, {("original", 0, 0): [1, 0]}],
    ids=["one run of two", "the other row", "a run on other images", "a row on other images"],
)
def test_what_was_not_kept_or_is_of_other_images_is_not_compared(lost):
    right = {("gif", 0, 0): [1, 1, 0], ("gif", 0, 1): [1, 1, 1], ("original", 0, 0): [1, 0, 0]}
    rows = runs(0, gif=2, original=1)
    assert len(found(rows, right)) == 1
    assert found(rows, right | lost).empty


def test_the_table_reads_what_a_csv_kept(tmp_path):
    """Empty conditions and numbers of images come back from one as NaN."""
    right = {("gif", 0, 0): [1, 1, 1, 0], ("original", 0, 0): [1, 0, 0, 0]}
    made = found(runs(0, gif=1, original=1), right)
    drawn = pd.concat(
        tidy(cells("pets", "gif", 5, 5 + draw), cells("pets", "original", 0, 1), draw=draw) for draw in (0, 1)
    )
    both = pd.concat([made, found(drawn, {})])
    both.to_csv(tmp_path / "differences.csv", index=False)
    read = difference_table(pd.read_csv(tmp_path / "differences.csv"))
    for table in (difference_table(both), read):
        assert table.header == ["dataset", "method", "minus", "difference", "95% interval", "covers", "images"]
        assert table.labels == 3
        body = table.frame()
        assert body[["dataset", "difference", "covers", "images"]].to_numpy().tolist() == [
            ["cars", "+50.0", "images", "4"],
            ["pets", "+4.5", "2 draws", ""],
        ]
        # 0 to 100 by 57.7 sqrt(1 / 4) times t of 3 degrees of freedom, 3.182; 0.5 times 12.706
        assert body["95% interval"].tolist() == ["-41.9 to +141.9", "-1.9 to +10.9"]


def test_rows_without_conditions_beside_others_with_some_have_none_in_a_csv_either(tmp_path):
    made = [("cars", "matched", "1"), ("cars", "matched", "2"), ("pets", "paper", "1")]
    rows = [
        tidy(*(cells(name, method, 0, 50 + draw, recipe=recipe) for method in PAIR[0]), draw=draw, code=code)
        for name, recipe, code in made
        for draw in (0, 1)
    ]
    compared = found(pd.concat(rows), {})
    compared.to_csv(tmp_path / "differences.csv", index=False)
    for table in (difference_table(compared), difference_table(pd.read_csv(tmp_path / "differences.csv"))):
        assert table.header[:3] == ["dataset", "recipe", "conditions"]
        assert table.frame()["conditions"].tolist() == ["code 1", "code 2", ""]


def test_architectures_and_recipes_that_differ_are_columns():
    rows = [
        tidy(*(cells("cars", method, 0, 50 + draw, **made) for method in ("gif", "original")), draw=draw)
        for made in ({}, {"architecture": "large", "recipe": "paper"})
        for draw in (0, 1)
    ]
    table = difference_table(found(pd.concat(rows), {}))
    assert table.header[:5] == ["dataset", "architecture", "recipe", "method", "minus"]
    assert table.labels == 5
    assert [row[:3] for row in table.frame().to_numpy().tolist()] == [
        ["cars", "tiny", "matched"],
        ["cars", "large", "paper"],
    ]
    assert not difference_table(found(pd.concat(rows)[:0], {})).words


def test_another_confidence_gives_another_interval():
    assert mean_interval([1, 2, 3], confidence=0.9) == pytest.approx(
        (2, 2 - 2.92 / 3**0.5, 2 + 2.92 / 3**0.5), abs=1e-3
    )
