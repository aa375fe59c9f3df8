from pathlib import Path

import pandas as pd
import pytest

from guided_imagination.config.report import ReportConfig
from guided_imagination.expansion.audit import table
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.report import views
from guided_imagination.report.expansions import audited_table, costs, kept_by_class, kept_words
from guided_imagination.report.summary import summarise
from helpers.results import METHODS, cells, tidy
from helpers.toy import NAMES, ToyAugmenter, dataset, plan

ROWS = [("original", 60.0), ("original", 64.0), ("gif", 70.0)]
RESULTS = pd.DataFrame(
    [
        {"dataset": "pets", "method": method, "ratio": 0, "architecture": "a", "recipe": "r", "seed": 0, "run_id": ""}
        | {"accuracy": accuracy}
        for method, accuracy in ROWS
    ]
)


def test_accuracy_stands_beside_what_clip_sees():
    audits = table([{"method": "gif", "images": 4, "label_agreement": 0.75}, {"method": "original", "images": 2}])
    made = audited_table(summarise(RESULTS), audits.assign(dataset="pets"), ["original", "gif"])
    rows = made.frame().set_index("method")
    assert list(rows.index) == ["original", "gif"], "in the order of the methods"
    assert rows.loc["gif", ["accuracy", "gain", "images", "label agreement"]].tolist() == ["70.0", "+8.0", "4", "75.0%"]
    assert rows.loc["original", ["accuracy", "gain", "fid"]].tolist() == ["62.0", "", ""]


def test_an_expansion_that_nothing_was_trained_on_has_no_accuracy():
    made = audited_table(summarise(RESULTS), table([{"method": "new", "images": 1}]).assign(dataset="pets"), ["new"])
    assert made.frame()["accuracy"].tolist() == [""]


MANIFEST = {"images_per_second": None, "totals": {"kept": 439, "dropped": 61}}
WHOLE = {"images_per_second": None, "totals": {"kept": 500, "dropped": 0}}
KEPT = {"gif_dalle": {"Shirt": 352, "Trouser": 37, "Bag": 50}, "randaugment": {"Shirt": 250, "Trouser": 250}}
SHORT = "gif_dalle 439 of 500 (Trouser 37 to Shirt 352)"


def test_kept_images_are_counted_from_the_labels_alone_and_a_class_without_any_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of seeds cat, cat, cat, dog two variants each were asked for; those of the dog are dropped."""
    seeds = dataset([0, 0, 0, 1], NAMES)
    expand(tmp_path, plan(ToyAugmenter(wrong=lambda call, labels: labels == 1), seeds=seeds))
    made = Expansion(tmp_path)
    monkeypatch.setattr(Expansion, "stream", lambda self: pytest.fail("images were read"))
    assert kept_by_class(made) == {"cat": 6, "dog": 0}
    row = costs("pets", {"gif": made.manifest}, {"gif": kept_by_class(made)}).iloc[0]
    assert row[["images", "promised", "smallest", "largest"]].tolist() == [6, 8, "dog 0", "cat 6"]


def test_the_tables_show_kept_images_of_those_that_the_ratio_promises(config: ReportConfig):
    speeds = costs("cars", {"gif_dalle": MANIFEST, "randaugment": WHOLE}, KEPT)
    rows = views.cost(speeds, METHODS, config).frame().set_index("method")
    assert rows.loc["gif_dalle", ["images", "by class"]].tolist() == ["439 of 500", "Trouser 37 to Shirt 352"]
    assert rows.loc["gif_dalle", "seconds per 1,000"] == "", "its speed is not known"
    results = tidy(cells("cars", "original", 0, 20), cells("cars", "gif_dalle", 5, 30))
    words = views.accuracy(results, speeds, METHODS, config, "natural").words
    assert f"promises: {SHORT}; the others hold all." in words


def test_copies_among_the_images_are_told_below_the_accuracies(config: ReportConfig):
    said = "3 of 11 test images have the same pixels as seeds"
    results = tidy(cells("cars", "original", 0, 20), cells("pathmnist", "original", 0, 30))
    notes = {"cars": {said: [], "1 image is there with more than one label": [0, 2]}, "pathmnist": {}}
    told = f"In cars: {said}. In cars, draw 0 and 2: 1 image is there with more than one label."
    for group, words in (("natural", told), ("medical", "")):
        table = views.accuracy(results, costs("cars", {}), METHODS, config, group, notes)
        assert (
            table.words == f"{views.accuracy(results, costs('cars', {}), METHODS, config, group).words} {words}".strip()
        )
        assert words in table.markdown()


def test_weeded_images_are_counted_apart_and_make_the_others_dearer(config: ReportConfig):
    """Of 500 that were kept 100 are weeded: at 2 images per second 1,000 of the others take 625 seconds."""
    speeds = costs("cars", {"randaugment": WHOLE | {"images_per_second": 2}}, {"randaugment": {"a": 150, "b": 250}})
    assert kept_words(speeds, ["cars"]).endswith("promises: randaugment 400 of 500 (100 weeded; a 150 to b 250).")
    row = views.cost(speeds, METHODS, config).frame().set_index("method").loc["randaugment"]
    assert row[["images", "seconds per 1,000"]].tolist() == ["400 of 500, 100 weeded", "625.0"]


def test_words_about_kept_images_name_the_dataset_where_there_are_several():
    speeds = pd.concat([costs(name, {"gif_dalle": MANIFEST}, KEPT) for name in ("cars", "pets", "birds")])
    assert f"cars {SHORT} and pets {SHORT}." in kept_words(speeds, ["cars", "pets"])
    whole = costs("cars", {"randaugment": WHOLE}, KEPT)
    assert kept_words(whole, ["cars"]) == "Every expansion holds as many new images as its ratio promises."
    assert kept_words(costs("cars", {"old": {}}), ["cars"]) == ""
