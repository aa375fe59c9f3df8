"""Every table and figure over several recipes, ratios, architectures and datasets, and over rows made differently."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from guided_imagination.config.report import ReportConfig
from guided_imagination.config.tree import Method
from guided_imagination.expansion import audit
from guided_imagination.report.accuracy import accuracy_table
from guided_imagination.report.confusion import Confusion
from guided_imagination.report.differences import differences
from guided_imagination.report.expansions import costs
from guided_imagination.report.page import Tracking, render
from guided_imagination.report.sections import sections
from guided_imagination.report.summary import summarise
from guided_imagination.report.table import Table, failure_table
from helpers import results as fabricated
from helpers.results import cells, tables, tidy, views

RATIOS = {"original": (0,), "randaugment": (1, 5), "dalle": (1, 5), "gif_dalle": (1, 5), "narrow": (1, 5)}
FIGURES = dict.fromkeys(("efficiency_figure", "gains_figure", "confusion_figure"), b"")
SHIFTS = {"cars": 0, "pathmnist": 40, "tiny": 0, "large": 8, "matched": 0, "paper": 4}
PLACES = list(product(("cars", "pathmnist"), ("tiny", "large"), ("matched", "paper")))
AUDITS = pd.concat(
    audit.table([{"method": name, "images": 5, "label_agreement": 0.9} for name in RATIOS]).assign(dataset=dataset)
    for dataset in ("cars", "pathmnist")
)


def expected(dataset: str, architecture: str, recipe: str, method: str, ratio: int) -> int:
    """The mean accuracy that is fabricated for a row."""
    place = SHIFTS[dataset] + SHIFTS[architecture] + SHIFTS[recipe]
    return 20 + place + (0 if ratio == 0 else list(RATIOS).index(method) + ratio)


@pytest.fixture(scope="module")
def grid() -> pd.DataFrame:
    """2 datasets x 2 architectures x 2 recipes, 2 ratios of each row, 2 runs one point to each side of the mean."""
    groups = []
    for (dataset, architecture, recipe), (method, ratios) in product(PLACES, RATIOS.items()):
        for ratio in ratios:
            mean = expected(dataset, architecture, recipe, method, ratio)
            made = {"architecture": architecture, "recipe": recipe}
            groups.append(cells(dataset, method, ratio, mean - 1, mean + 1, **made))
    return tidy(*groups)


def speeds() -> pd.DataFrame:
    manifest = {"images_per_second": 2, "totals": {"kept": 9, "dropped": 1}}
    kept = {"gif_dalle": {"cat": 4, "dog": 5}}
    return pd.concat([costs(dataset, {"gif_dalle": manifest}, kept) for dataset in ("cars", "pathmnist")])


def intervals(results: pd.DataFrame, config: ReportConfig) -> pd.DataFrame:
    return differences(results, config.compare, lambda row: np.arange(100) < row["accuracy"])


def frames(results: pd.DataFrame, config: ReportConfig) -> dict[str, Table]:
    """All tables by name."""
    found = {"cars": Confusion("cars", "tiny", ["a"], ("gif_dalle", "dalle"), [[[1]], [[1]]])}
    made = tables(results, speeds=speeds(), audits=AUDITS, intervals=intervals(results, config), confusions=found)
    return {**made, "failures": failure_table({})}


def mean(text: str) -> float:
    return float(text.split(" ±")[0])


@pytest.fixture(scope="module")
def once(grid: pd.DataFrame) -> dict[str, Table]:
    return frames(grid, fabricated.config())


def accuracies(made: dict[str, Table], results: pd.DataFrame) -> None:
    for group, dataset in (("natural", "cars"), ("medical", "pathmnist")):
        table = made[f"accuracy_{group}"]
        assert table.header == ["method", f"{dataset} (matched)", f"{dataset} (paper)"]
        rows = table.frame().set_index("method")
        for method, recipe in product(RATIOS, ("matched", "paper")):
            ratio = max(RATIOS[method])
            assert mean(rows.loc[method, f"{dataset} ({recipe})"]) == expected(dataset, "tiny", recipe, method, ratio)


def efficiency(made: dict[str, Table], results: pd.DataFrame) -> None:
    assert made["efficiency"].header[:3] == ["dataset", "recipe", "method"]
    rows = made["efficiency"].frame().set_index(["dataset", "recipe", "method"])
    for dataset, recipe, ratio in product(("cars", "pathmnist"), ("matched", "paper"), (1, 5)):
        text = rows.loc[(dataset, recipe, "dalle"), f"{ratio}\u00d7"]
        assert mean(text) == expected(dataset, "tiny", recipe, "dalle", ratio)
    readings = made["readings"].frame()
    assert len(readings) == 4 * 3, "dalle, gif_dalle and narrow in four settings"
    assert readings["interpolated"].tolist() == ["4.0\u00d7", "3.0\u00d7", "2.0\u00d7"] * 4


def figure(made: dict[str, Table], results: pd.DataFrame) -> None:
    panels = views(results).figures()["efficiency_figure"].axes
    names = [f"{dataset} ({recipe})" for dataset, recipe in product(("cars", "pathmnist"), ("matched", "paper"))]
    assert [axes.get_title(loc="left") for axes in panels] == names
    assert [len(axes.containers) for axes in panels] == [4] * 4


def architectures(made: dict[str, Table], results: pd.DataFrame) -> None:
    rows = made["architectures"].frame().set_index(["dataset", "recipe", "method"])
    for dataset, architecture, recipe in PLACES:
        found = rows.loc[(dataset, recipe, "narrow"), architecture]
        assert mean(found) == expected(dataset, architecture, recipe, "narrow", 5)


def ablations(made: dict[str, Table], results: pd.DataFrame) -> None:
    table = made["ablation"]
    assert table.header[:4] == ["dataset", "architecture", "recipe", "method"]
    assert table.frame()["difference"].tolist() == ["", "-1.0", "+1.0"] * 8


def pairs(made: dict[str, Table], results: pd.DataFrame) -> None:
    rows = made["differences"].frame()
    assert rows["difference"].tolist() == ["+2.0"] * 8
    assert set(rows["covers"]) == {"images, 2 runs"}


def audits(made: dict[str, Table], results: pd.DataFrame) -> None:
    table = made["audit"]
    rows = table.frame().set_index(["dataset", "method"])
    for dataset, method in product(("cars", "pathmnist"), RATIOS):
        text = rows.loc[(dataset, method), "accuracy"]
        assert float(text) == expected(dataset, "tiny", "matched", method, max(RATIOS[method]))
    assert "tiny by the recipe matched, on the test images of cars and pathmnist, at 5\u00d7" in table.words


def cost(made: dict[str, Table], results: pd.DataFrame) -> None:
    rows = made["cost"].frame()
    assert rows["images"].tolist() == ["9 of 10", "9 of 10", ""]


def page(made: dict[str, Table], results: pd.DataFrame) -> None:
    html = render(sections(made, ["natural", "medical"], FIGURES, {}, {}), "All", Tracking("", None), None)
    assert all(f'id="table-{name}"' in html for name, table in made.items() if table)
    assert [name for name, table in made.items() if not table] == ["advice", "failures"]


LOOKS = [accuracies, efficiency, figure, architectures, ablations, pairs, audits, cost, page]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.__name__)
def test_every_view_keeps_recipes_ratios_architectures_and_datasets_apart(
    look: Callable[[dict[str, Table], pd.DataFrame], None], once: dict[str, Table], grid: pd.DataFrame
):
    look(once, grid)


MADE = {"split": ("test", "validation"), "recipe_key": ("0a1b", "2c3d"), "code": ("0.2.0", "0.3.0")}
MADE |= {"precision": ("float32", "bfloat16")}
TOLD = {"split": ("test images", "validation images"), "recipe_key": ("recipe content 0a1b", "recipe content 2c3d")}
TOLD |= {"code": ("code 0.2.0", "code 0.3.0"), "precision": ("precision float32", "precision bfloat16")}
ROWS = [("original", 0, 20), ("gif_dalle", 5, 40)]


def made_twice(column: str, missing: bool = False) -> pd.DataFrame:
    """Two rows, and the same ten points better under another value of `column`; or the first without it."""
    one, other = (
        tidy(*(cells("cars", method, ratio, mean + better) for method, ratio, mean in ROWS), **{column: value})
        for better, value in zip((0, 10), MADE[column], strict=True)
    )
    return pd.concat([one.drop(columns=column) if missing else one, other], ignore_index=True)


@pytest.mark.parametrize("column", MADE)
def test_rows_that_were_made_differently_are_never_averaged(column: str):
    table = tables(made_twice(column))["accuracy_natural"]
    names = [f"cars ({text})" for text in TOLD[column]]
    assert table.header == ["method", *names]
    assert table.frame()[names].to_numpy().tolist() == [["20.0", "30.0"], ["40.0 (+20.0)", "50.0 (+20.0)"]]
    assert all(text in table.words for text in TOLD[column])


@pytest.mark.parametrize("column", MADE)
def test_every_view_keeps_apart_what_was_made_differently(
    column: str, once: dict[str, Table], grid: pd.DataFrame, config: ReportConfig
):
    first, second = MADE[column]
    both = pd.concat([grid.assign(**{column: first}), grid.assign(**{column: second})], ignore_index=True)
    twice = frames(both, config)
    for name in ("efficiency", "readings", "architectures", "ablation", "differences"):
        assert len(twice[name].body) == 2 * len(once[name].body), name
        assert "conditions" in twice[name].header, name
    assert twice["audit"].frame().equals(once["audit"].frame())
    assert TOLD[column][0] in twice["audit"].words
    assert len(views(both).figures()["efficiency_figure"].axes) == 8


def test_results_of_older_versions_are_unknown_and_stand_apart():
    table = tables(made_twice("code", missing=True))["accuracy_natural"]
    assert table.header == ["method", "cars (code unknown)", "cars (code 0.3.0)"]


def test_the_words_name_the_split_that_the_rows_were_measured_on():
    rows = tidy(*(cells("cars", *row) for row in ROWS), split="validation")
    assert "on the validation images of cars" in tables(rows)["accuracy_natural"].words
    both = tables(made_twice("split"))["accuracy_natural"].words
    assert "on the test and validation images of cars" in both
    old = tables(rows.drop(columns="split"))["accuracy_natural"].words
    assert "on images of cars (of older results the split is unknown)" in old


def test_datasets_measured_on_different_splits_have_no_average():
    one, other = tidy(cells("cars", "gif", 5, 50)), tidy(cells("pets", "gif", 5, 60), split="validation")
    table = accuracy_table(summarise(pd.concat([one, other])), ["gif"], name="", title="")
    assert table.header == ["method", "cars (test images)", "pets (validation images)"]


def test_a_recipe_whose_content_follows_the_dataset_needs_no_word():
    one, other = tidy(cells("cars", "gif", 5, 50)), tidy(cells("pets", "gif", 5, 60), recipe_key="2c3d")
    table = accuracy_table(summarise(pd.concat([one, other])), ["gif"], name="", title="")
    assert table.header == ["method", "cars", "pets", "average"]


def test_a_row_that_changes_its_recipe_itself_is_compared_with_those_that_do_not():
    rows = pd.concat([tidy(cells("cars", "original", 0, 20)), tidy(cells("cars", "mixup", 0, 25), recipe_key="2c3d")])
    methods = {"original": Method(), "mixup": Method(recipe={"mixup": 0.2})}
    table = tables(rows, methods)["accuracy_natural"].frame().set_index("method")
    assert table["cars"].to_dict() == {"original": "20.0", "mixup": "25.0 (+5.0)"}
    again = pd.concat([rows, tidy(cells("cars", "mixup", 0, 35), recipe_key="4e5f")])
    parts = tables(again, methods)["accuracy_natural"].frame()
    assert len(parts.columns) == 4, "two contents of its own are two, and which one is comparable nobody knows"


def test_a_reference_stands_beside_what_was_measured_on_the_same_split():
    clip = cells("cars", "clip", 0, 90.0, architecture="vit", recipe="zero-shot")
    results = pd.concat([made_twice("split"), tidy(clip, split="validation")])
    table = tables(results)["accuracy_natural"].frame().set_index("method")
    assert table.loc["clip"].tolist() == ["", "90.0"]


def drawn() -> pd.DataFrame:
    """Three draws of the seeds, two runs each: originals 20, 30, 40, and gif_dalle 4, 5 and 6 points better."""
    return pd.concat(
        tidy(
            cells("cars", "original", 0, base - 1, base + 1),
            cells("cars", "gif_dalle", 5, base + better - 2, base + better + 2),
            draw=draw,
        )
        for draw, (base, better) in enumerate([(20, 4), (30, 5), (40, 6)])
    )


def test_over_several_draws_mean_and_deviation_are_those_of_the_draws():
    table = tables(drawn())["accuracy_natural"]
    rows = table.frame().set_index("method")["cars"]
    assert rows.to_dict() == {"original": "30.0 ± 10.0", "gif_dalle": "35.0 ± 11.0 (+5.0)"}
    assert "3 draws of the seeds, averaged over 2 training runs each, of tiny" in table.words


def test_gains_are_paired_by_draw():
    rows = drawn()
    without = rows[(rows["method"] != "original") | (rows["draw"] != 2)]
    gain = summarise(without).set_index("method").loc["gif_dalle", "gain"]
    assert gain == pytest.approx(4.5), "of the first two draws; the means differ by 35 - 25"


def test_differences_over_several_draws_are_paired_by_draw():
    def none(row: dict[str, Any]) -> None:
        return None

    found = differences(drawn(), [("gif_dalle", "original")], none).iloc[0]
    # 4, 5 and 6: mean 5, deviation 1, t of 2 degrees of freedom 4.303
    assert found[["difference", "low", "high"]].tolist() == pytest.approx([5, 5 - 2.484, 5 + 2.484], abs=1e-3)
    assert found["covers"] == "3 draws"
