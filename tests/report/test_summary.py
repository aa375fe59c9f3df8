"""What a summary says of runs and draws, by values worked out by hand."""

import math

import pandas as pd
import pytest

from guided_imagination.report.summary import (
    blocks_of,
    in_order,
    largest_ratio,
    listed,
    measured,
    paired,
    setting_words,
    settled,
    signed,
    summarise,
    times,
    varying,
    with_references,
)
from helpers.results import cells, tidy


def line(*parts: pd.DataFrame, method: str = "gif") -> pd.Series:
    """The one line of a method's summary."""
    summary = summarise(pd.concat(parts))
    (row,) = (row for _, row in summary.iterrows() if row["method"] == method)
    return row


def drawn(draw: int, *accuracies: float, method: str = "gif") -> pd.DataFrame:
    return tidy(cells("cars", method, 0 if method == "original" else 5, *accuracies), draw=draw)


def test_runs_of_one_draw_deviate_from_their_mean():
    row = line(drawn(3, 20, 24))
    assert (row["mean"], row["deviation"]) == (22, pytest.approx(math.sqrt(8)))  # (4 + 4) / 1
    assert (row["repeats"], row["each"], row["draws"], row["by_draw"]) == (2, (2,), 1, {3: 22})


def test_from_two_draws_on_the_means_of_the_draws_deviate_and_not_the_runs():
    row = line(drawn(0, 20, 24), drawn(1, 30, 38))
    assert (row["mean"], row["deviation"]) == (28, pytest.approx(math.sqrt(72)))  # of 22 and 34: (36 + 36) / 1
    assert (row["repeats"], row["each"], row["draws"], row["by_draw"]) == (4, (2,), 2, {0: 22, 1: 34})


def test_every_draw_weighs_the_same_however_many_runs_it_has():
    row = line(drawn(0, 20), drawn(1, 30, 38, 40))
    assert (row["mean"], row["deviation"]) == (28, pytest.approx(math.sqrt(128)))  # of 20 and 36: (64 + 64) / 1
    assert (row["repeats"], row["each"]) == (4, (1, 3))


@pytest.mark.parametrize("draws", [[drawn(0, 20)], [drawn(0, 20).drop(columns="draw")]])
def test_one_run_has_no_deviation(draws):
    row = line(*draws)
    assert row["mean"] == 20
    assert math.isnan(row["deviation"]) and math.isnan(row["gain"])
    assert row["by_draw"] == {0: 20}


def test_a_gain_is_the_mean_over_the_draws_that_the_originals_have_too():
    originals = [drawn(0, 10, 20, method="original"), drawn(2, 30, method="original")]
    assert line(*originals, drawn(0, 21), drawn(1, 99), drawn(2, 40))["gain"] == (21 - 15 + 40 - 30) / 2
    assert math.isnan(line(*originals, drawn(1, 99))["gain"])
    assert math.isnan(line(*originals, drawn(0, 21), method="original")["gain"])


def test_a_gain_is_over_the_originals_of_its_own_setting():
    rows = [
        tidy(cells("cars", "original", 0, 10), cells("cars", "gif", 5, 15)),
        tidy(cells("cars", "original", 0, 50, architecture="large"), cells("cars", "gif", 5, 52, architecture="large")),
        tidy(cells("pets", "gif", 5, 70)),
    ]
    gains = summarise(pd.concat(rows)).query("method == 'gif'").set_index(["dataset", "architecture"])["gain"]
    assert gains.iloc[:2].to_dict() == {("cars", "tiny"): 5, ("cars", "large"): 2}
    assert math.isnan(gains["pets", "tiny"])


def test_draws_are_paired_and_where_none_is_shared_there_is_no_gain():
    assert paired({0: 5.0, 1: 9.0, 3: 1.0}, {1: 4.0, 0: 3.0, 2: 0.0}) == (2 + 5) / 2
    assert math.isnan(paired({0: 5.0}, {1: 4.0}))


def test_only_runs_that_are_known_to_mlflow_are_linked():
    rows = tidy(cells("cars", "gif", 5, 20, 21, 22)).assign(run_id=["a", "", None])
    assert line(rows)["runs"] == ("a",)


def test_lines_come_in_the_order_of_the_results():
    rows = tidy(cells("pets", "gif", 5, 1), cells("cars", "gif", 1, 1), cells("cars", "dalle", 5, 1))
    assert summarise(rows)[["dataset", "method", "ratio"]].to_numpy().tolist() == [
        ["pets", "gif", 5],
        ["cars", "gif", 1],
        ["cars", "dalle", 5],
    ]


def test_what_an_older_version_did_not_write_is_unknown_and_its_draw_is_the_first():
    rows = tidy(cells("cars", "gif", 5, 1, 2, 3)).drop(columns="precision")
    found = settled(rows.assign(code=["0.3.0", "", None], draw=[2, None, 1]))
    assert found["code"].tolist() == ["0.3.0", "unknown", "unknown"]
    assert found["precision"].tolist() == ["unknown"] * 3
    assert found["draw"].tolist() == [2, 0, 1]
    assert found["conditions"].tolist() == ["code 0.3.0", "code unknown", "code unknown"]


def test_conditions_name_all_that_differs_within_its_scope():
    rows = [
        tidy(cells("cars", "gif", 5, 1), recipe_key="a", precision="float32"),
        tidy(cells("cars", "gif", 5, 1), recipe_key="b", precision="bfloat16"),
        tidy(cells("cars", "gif", 5, 1, recipe="paper"), recipe_key="c", precision="float16"),
        tidy(cells("pets", "gif", 5, 1), recipe_key="d", precision="float32"),
    ]
    assert settled(pd.concat(rows))["conditions"].tolist() == [
        "recipe content a, precision float32",
        "recipe content b, precision bfloat16",
        "",  # the only one by its recipe
        "precision float32",  # the only content of its recipe on its dataset
    ]


def own_recipes(*contents: tuple[str, str]) -> list[str]:
    """The conditions of rows (method, content of the recipe), of which `mixup` and `cutmix` change their recipe."""
    rows = [tidy(cells("cars", method, 0, 1), recipe_key=key) for method, key in contents]
    return settled(pd.concat(rows), {"mixup", "cutmix"})["conditions"].tolist()


def test_methods_with_a_recipe_of_their_own_stand_beside_the_one_that_they_change():
    assert own_recipes(("original", "a"), ("mixup", "b"), ("cutmix", "c")) == ["", "", ""]
    assert own_recipes(("original", "a"), ("gif", "a"), ("mixup", "b")) == ["", "", ""]


def test_where_it_is_not_known_which_recipe_they_change_they_stand_apart():
    apart = [f"recipe content {key}" for key in "abc"]
    assert own_recipes(("original", "a"), ("gif", "b"), ("mixup", "c")) == apart
    assert own_recipes(("original", "a"), ("mixup", "b"), ("mixup", "c")) == apart
    assert own_recipes(("mixup", "a"), ("cutmix", "b"), ("mixup", "c")) == apart


def test_the_largest_ratio_is_that_of_each_setting_and_originals_stay():
    rows = tidy(
        cells("cars", "original", 0, 1),
        cells("cars", "gif", 1, 1),
        cells("cars", "gif", 5, 1),
        cells("cars", "dalle", 2, 1),
        cells("pets", "gif", 2, 1),
        cells("pets", "original", 0, 1),
    )
    shown = largest_ratio(summarise(rows))
    assert shown[["dataset", "method", "ratio"]].to_numpy().tolist() == [
        ["cars", "original", 0],
        ["cars", "gif", 5],
        ["pets", "gif", 2],
        ["pets", "original", 0],
    ]


def test_references_of_one_name_say_what_made_them_and_stand_in_every_setting_of_their_images():
    rows = [("gif", 50, "tiny"), ("gif", 60, "large"), ("dalle", 55, "large")]
    shown = summarise(tidy(*(cells("cars", method, 5, mean, architecture=name) for method, mean, name in rows)))
    clips = [cells("cars", "clip", 0, 90.0, architecture=name, recipe="zero-shot") for name in ("vit", "resnet")]
    other = tidy(cells("cars", "clip", 0, 80.0, architecture="vit", recipe="zero-shot"), split="validation")
    found = with_references(shown, summarise(pd.concat([tidy(*clips), other])), {"gif", "dalle"})
    assert found[["architecture", "method", "mean"]].to_numpy().tolist() == [
        ["tiny", "gif", 50],
        ["large", "gif", 60],
        ["large", "dalle", 55],
        ["tiny", "clip (vit, test images)", 90],
        ["large", "clip (vit, test images)", 90],
        ["tiny", "clip (resnet, test images)", 90],
        ["large", "clip (resnet, test images)", 90],
    ]
    assert found["gain"].isna().all()
    assert found.index.is_unique


def test_one_reference_of_a_name_keeps_it():
    shown = summarise(tidy(cells("cars", "gif", 5, 50)))
    clip = summarise(tidy(cells("cars", "clip", 0, 90.0, recipe="zero-shot"), cells("cars", "gif", 5, 1)))
    assert with_references(shown, clip, {"gif"})["method"].tolist() == ["gif", "clip"]


def test_known_names_come_in_their_order_and_others_after_them_in_their_own():
    assert in_order(["z", "b", "y", "a", "z"], ["a", "b", "c"]) == ["a", "b", "z", "y"]


def test_columns_vary_from_two_values_on():
    table = pd.DataFrame({"one": [1, 1], "two": [1, 2]})
    assert varying(table, ["one", "two"]) == ["two"]


def test_blocks_come_in_the_order_of_their_first_rows_and_without_columns_all_is_one():
    table = pd.DataFrame({"dataset": ["pets", "cars", "pets"], "value": [1, 2, 3]})
    found = [(block, rows["value"].tolist()) for block, rows in blocks_of(table, ["dataset"])]
    assert found == [(("pets",), [1, 3]), (("cars",), [2])]
    assert [(block, rows["value"].tolist()) for block, rows in blocks_of(table, [])] == [((), [1, 2, 3])]
    assert list(blocks_of(table[:0], [])) == []


def test_datasets_that_were_measured_alike_share_their_words():
    rows = summarise(tidy(cells("cars", "gif", 5, 1), cells("pets", "gif", 5, 1), cells("birds", "gif", 2, 1)))
    assert setting_words(rows) == [
        "tiny by the recipe matched, on the test images of cars and pets, at 5\u00d7 new images per seed image",
        "tiny by the recipe matched, on the test images of birds, at 2\u00d7 new images per seed image",
    ]


ONE, MANY = drawn(0, 20), [drawn(draw, *range(20, 21 + draw)) for draw in range(4)]
SAID = {
    "from 1 training run of tiny by the recipe matched, at 5\u00d7 new images per seed image. ": [ONE],
    "mean ± sample standard deviation over 2 training runs of tiny": [drawn(0, 20, 24)],
    "over 2 draws of the seeds, averaged over 1 training run each, of tiny": [ONE, drawn(1, 20)],
    "over 4 draws of the seeds, averaged over 1 to 4 training runs each, of tiny": MANY,
    "over 1 and 2 draws of the seeds, averaged over 1 training run each,": [ONE, drawn(1, 20), drawn(0, 1, method="b")],
    "by the recipes matched and paper, at 1\u00d7 or 5\u00d7 new": [
        ONE,
        tidy(cells("cars", "gif", 1, 20, recipe="paper")),
    ],
    "matched; in brackets the gain over the originals. ": [
        tidy(cells("cars", name, 0, 1)) for name in ("original", "mixup")
    ],
    "set apart, never averaged: code 1; code 2. ": [
        drawn(0, 20).assign(code=code, recipe=recipe) for code, recipe in (("1", "a"), ("2", "a"), ("1", "b"))
    ],
}


@pytest.mark.parametrize(("words", "rows"), SAID.items(), ids=range(len(SAID)))
def test_a_table_says_what_its_numbers_rest_on(words, rows):
    assert words in measured(summarise(pd.concat(rows)))


def test_a_table_without_gains_or_conditions_says_nothing_of_them():
    said = measured(summarise(drawn(0, 20)))
    assert "originals" not in said and "conditions" not in said
    assert "new images" not in measured(summarise(drawn(0, 20, method="original")))


def test_numbers_and_names_are_written_as_one_reads_them():
    assert [listed(names) for names in ([], ["a"], ["a", "b"], "abca")] == ["", "a", "a and b", "a, b and c"]
    assert listed("ab", "or") == "a or b"
    assert [times(ratio) for ratio in (5, 2.0, 2.27)] == ["5\u00d7", "2.0\u00d7", "2.3\u00d7"]
    assert [signed(points) for points in (0.06, -0.06, 12.34)] == ["+0.1", "-0.1", "+12.3"]
