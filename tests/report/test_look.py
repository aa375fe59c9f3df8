"""Which images can be looked at one by one, and how the page's section of them behaves in a browser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.expansion.weeding import WeedList
from guided_imagination.report.look import FIGURES, SIDE, look, thumbnail, worth_looking_at
from guided_imagination.report.page import Tracking, render
from guided_imagination.report.sections import Section
from helpers.browser import chromium, opened
from helpers.toy import NAMES, ToyAugmenter, dataset, plan

SEEDS = dataset([0, 1, 0, 1], NAMES)


@pytest.fixture
def expanded(tmp_path):
    """Two variants of four seeds in two shards; the guide sees the dogs as cats."""
    expand(tmp_path, plan(ToyAugmenter(lambda call, labels: labels == 1), seeds=SEEDS, rejected="keep"))
    return Expansion(tmp_path)


def shown(found: dict[str, Any]) -> list[tuple[str, int]]:
    return [(image["seed_id"], image["variant"]) for image in found["rows"][0]["shown"]]


def test_everything_is_shown_where_there_is_room(expanded):
    found = look(SEEDS, {"gif": expanded}, 8, "toys", 0)
    assert shown(found) == [(seed, variant) for seed in "0123" for variant in (0, 1)]
    assert set(found["seeds"]) == set("0123")
    assert found["classes"] == NAMES
    row = found["rows"][0]
    assert (row["images"], row["checksum"], row["weeded"]) == (8, expanded.checksum, [])
    assert row["shown"][2]["prediction"] == 0, "a dog that is seen as a cat"


def test_else_those_whose_class_the_guide_doubts_and_their_seeds(expanded):
    found = look(SEEDS, {"gif": expanded}, 3, "toys", 0)
    assert shown(found) == [("1", 0), ("1", 1), ("3", 0)]
    assert found["rows"][0]["images"] == 8
    assert set(found["seeds"]) == set("13")


def test_what_is_weeded_is_shown_first_and_tells_other_marks_apart(expanded):
    left = expanded.without([("0", 1)])
    row = (found := look(SEEDS, {"gif": left}, 2, "toys", 0))["rows"][0]
    assert shown(found) == [("0", 1), ("1", 0)]
    assert (row["weeded"], row["checksum"], row["state"]) == ([["0", 1]], expanded.checksum, left.checksum)


def test_where_no_guide_looked_the_first_are_shown():
    rows = [{"seed_id": str(seed), "variant": 0, "label_probability": None} for seed in range(4)]
    assert worth_looking_at(rows, frozenset(), 2) == rows[:2]
    assert worth_looking_at(rows, frozenset([("3", 0)]), 2) == [rows[0], rows[3]]


def test_a_large_image_is_carried_small_and_a_small_one_as_it_is():
    noise = Image.effect_noise((600, 300), 80)
    assert len(thumbnail(noise)) < 8000
    assert len(thumbnail(Image.new("L", (32, 32)))) < 300
    assert SIDE == 96


def test_a_dataset_without_rows_to_look_at_has_no_section(expanded):
    empty = look(SEEDS, {}, 8, "toys", 0)
    assert empty["rows"] == []
    assert empty["seeds"] == {}


# the page: six images of the row gif, and one of another, which no guide saw
NONE = "\u2013"  # where there is no number
PROBABILITIES = [0.9, 0.1, 0.5, None, 0.7, 0.3]


def fabricated() -> dict[str, Any]:
    def image(number: int, probability: float | None) -> dict[str, Any]:
        known = dict.fromkeys(FIGURES, None if probability is None else probability / 2)
        return {
            **{"seed_id": f"s{number // 2}", "variant": number % 2, "label": number % 2, "prediction": 0},
            **{**known, "label_probability": probability, "image": thumbnail(Image.new("L", (32, 32), 40 * number))},
        }

    common = {"checksum": "c" * 16, "weeded": []}
    gif = [image(number, probability) for number, probability in enumerate(PROBABILITIES)]
    rows = [
        {"method": "gif", "images": 40, "state": "one", "shown": gif, **common, "weeded": [["s9", 3]]},
        {"method": "mae", "images": 1, "state": "two", "shown": [image(0, None)], **common},
    ]
    seeds = {f"s{number}": thumbnail(Image.new("L", (32, 32), 255)) for number in range(3)}
    figures = [{"name": name, "title": title} for name, title in FIGURES.items()]
    return {
        "dataset": "toys",
        "draw": 0,
        "classes": ["cat", "</script>"],
        "figures": figures,
        "rows": rows,
        "seeds": seeds,
    }


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    found = [Section("weed-toys", "Look and weed: toys", look=fabricated())]
    path.write_text(render(found, "Measured", Tracking("", None), None), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser, file) -> Iterator[Any]:
    """At the width of a telephone that is touched; nothing goes wrong in it."""
    trouble: list[str] = []
    with opened(browser, file, trouble, 390, has_touch=True) as page:
        yield page
    assert trouble == []


def order(page: Any) -> list[str]:
    return [text.split("\n")[1] for text in page.locator(".variant").all_inner_texts()]


def choose(page: Any, part: str, value: str) -> None:
    page.locator(f"[data-part={part}]").select_option(value)


def count(page: Any) -> str:
    return page.locator("output").inner_text()


def saved(page: Any) -> WeedList:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    return WeedList.model_validate(json.loads(Path(download.value.path()).read_text()))


def test_images_are_sorted_filtered_and_chosen_by_row(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert order(page) == ["0.10", "0.30", "0.50", "0.70", "0.90", NONE], "the doubtful first, the unknown last"
    page.get_by_label("Turn").click()
    assert order(page) == ["0.90", "0.70", "0.50", "0.30", "0.10", NONE]
    choose(page, "figure", "seed_similarity")
    assert order(page) == ["0.05", "0.15", "0.25", "0.35", "0.45", NONE]
    choose(page, "class", "0")
    assert order(page) == ["0.25", "0.35", "0.45"]
    told = page.locator("[data-part=told]")
    assert "6 of the 40 new images of gif" in told.inner_text()
    choose(page, "row", "mae")
    assert order(page) == [NONE]
    assert "All 1 new images" in told.inner_text()


def test_keys_move_and_mark_and_the_focus_is_seen(page):
    first = page.locator(".variant").first
    page.locator("[data-part=only]").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel").startswith("</script>, variant 1 of seed s0, seen as cat")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("x")
    assert first.get_attribute("aria-pressed") == "true"
    columns = 4  # of 390 pixels
    for key, place in (("ArrowRight", 1), ("ArrowDown", 1 + columns), ("ArrowUp", 1), ("End", 5), ("Home", 0)):
        page.keyboard.press(key)
        assert page.evaluate("[...document.activeElement.parentNode.children].indexOf(document.activeElement)") == place
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("X")
    assert first.get_attribute("aria-pressed") == "false", "before the first there is nothing, and x unmarks"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.part") == "save", "one stop of the Tab key, however many"


def test_marks_survive_a_reload_and_the_list_has_all_rows(page):
    assert count(page) == "1 marked", "what the run weeded, though it is not shown"
    page.locator(".variant").nth(1).tap()
    choose(page, "row", "mae")
    page.locator(".variant").tap()
    assert count(page) == "1 marked, 3 in all rows"
    page.reload()
    assert count(page) == "2 marked, 3 in all rows"
    page.locator("[data-part=only]").check()
    assert order(page) == ["0.30"]
    found = saved(page)
    assert (found.dataset, found.draw, found.expansions) == ("toys", 0, {"gif": "c" * 16, "mae": "c" * 16})
    assert found.of("gif") == {("s2", 1), ("s9", 3)}
    assert found.of("mae") == {("s0", 0)}


def test_a_browser_that_keeps_nothing_or_something_else_still_marks(page):
    broken = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('refused') }})"
    foreign = "localStorage.setItem('weed toys 0 gif one', '{')"
    for script in (foreign, broken):
        page.add_init_script(script)
        page.reload()
        assert count(page) == "1 marked"
        page.locator(".variant").first.click()
        assert count(page) == "2 marked"
    assert saved(page).of("gif") == {("s0", 1), ("s9", 3)}


def test_an_image_stands_close_beside_its_seed(page):
    page.locator(".variant").nth(2).focus()
    close = page.locator(".close")
    assert close.locator("img").count() == 2
    assert close.locator("dd").all_inner_texts()[:3] == ["s1", "cat", "0.50"]
