"""The page: what is in it, what it leaves out, and how it behaves in a browser, without a network."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from guided_imagination.expansion import audit
from guided_imagination.report.confusion import Confusion
from guided_imagination.report.differences import COLUMNS
from guided_imagination.report.expansions import costs
from guided_imagination.report.page import Tracking, render
from guided_imagination.report.sections import Picture, sections
from guided_imagination.report.table import failure_table
from helpers import results as fabricated
from helpers.browser import chromium
from helpers.browser import opened as open_page
from helpers.results import tables

COUNTS = [[[3, 1], [0, 4]], [[2, 2], [1, 3]]]  # of two classes, by two rows


def png() -> bytes:
    file = BytesIO()
    Image.new("RGB", (900, 300), "teal").save(file, format="PNG")
    return file.getvalue()


def make_page(results, config, experiment: str | None = "7") -> str:
    speeds = costs("cars", {"gif_dalle": {"images_per_second": 2}})
    intervals = pd.DataFrame(
        [("cars", "tiny", "matched", "", "test", 5, "gif_dalle", "randaugment", 8, 6, 10, "images", 100)],
        columns=COLUMNS,
    )
    audits = audit.table([{"method": name, "images": 5, "label_agreement": 0.9} for name in ("original", "gif_dalle")])
    confusions = {"cars": Confusion("cars", "tiny", ["a", "b"], ("gif_dalle", "dalle"), COUNTS)}
    found = {"intervals": intervals, "audits": audits.assign(dataset="cars"), "confusions": confusions}
    made = tables(results, speeds=speeds, **(found if len(results) else {}))
    made["failures"] = failure_table({} if len(results) else {"cars tiny": "boom"})
    figures = dict.fromkeys(("efficiency_figure", "gains_figure", "confusion_figure"), png())
    sheet = Picture(png(), "image/png", "Contact sheet of gif_dalle", "gif_dalle")
    found = sections(made, ["natural", "medical"], figures, {"cars": [sheet]}, {})
    return render(found, "Measured <here>", Tracking("http://127.0.0.1:5000", experiment), "run0")


@pytest.fixture(scope="module")
def html() -> str:
    return make_page(fabricated.results(), fabricated.config())


def test_a_number_links_to_its_run_and_a_mean_to_the_comparison_of_its_runs(html):
    assert 'href="http://127.0.0.1:5000/#/experiments/7/runs/pathmnist-gif_dalle-5-tiny-0"' in html
    runs = "%5B%22cars-gif_dalle-5-tiny-0%22%2C%20%22cars-gif_dalle-5-tiny-1%22%5D"
    assert f'href="http://127.0.0.1:5000/#/compare-runs?runs={runs}&amp;experiments=%5B%227%22%5D"' in html


def test_without_an_experiment_nothing_is_linked(results, config):
    assert not re.findall(r'href="http', make_page(results, config, experiment=None))


def test_the_page_loads_nothing(html):
    assert not re.findall(r'<(?:script|img|link|iframe)[^>]+(?:src|href)="(?!data:)', html)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_no_two_elements_share_an_id(html):
    names = re.findall(r' id="([^"]+)"', html)
    assert len(names) == len(set(names)) > 10


def test_titles_are_escaped(html):
    assert "Measured &lt;here&gt;" in html


def test_sections_without_content_are_left_out(results, config):
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", make_page(results[results["dataset"] == "pathmnist"], config))
    assert not {"Expansion efficiency", "Architectures", "Ablation"} & set(headings)
    assert "Accuracy: medical datasets" in headings


def test_every_picture_has_words_and_every_table_says_what_was_measured(html):
    images = re.findall(r"<img[^>]*>", html.split("<dialog")[0])
    assert len(images) == 4
    assert all(re.search(r'alt="[^"]{10,}"', image) for image in images)
    tables, captions = html.count("<table"), html.count("<figcaption>")
    assert tables >= 7
    assert captions == tables + len(images)


def test_the_papers_figures_stand_apart(html):
    papers = html.split('class="table paper"')[1:]
    assert len(papers) == 4
    assert "The paper" in papers[0]
    assert not any("compare-runs" in paper.split("</table>")[0] for paper in papers)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


VIEWS = [(1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")]
TWO = pytest.mark.parametrize("opened", VIEWS[:2], ids=str, indirect=True)


@pytest.fixture(params=VIEWS, ids=str)
def opened(request, browser, html, tmp_path) -> Iterator[tuple[Any, list[str]]]:
    """The page at one width and colour scheme, and what went wrong in it: errors, and requests beyond its own file."""
    width, scheme = request.param
    file, trouble = tmp_path / "report.html", []
    file.write_text(html, encoding="utf-8")
    with open_page(browser, file, trouble, width, scheme) as page:
        yield page, trouble


def column(page: Any, table: str, index: int) -> list[str]:
    return page.locator(f"#table-{table} tbody tr > :nth-child({index})").all_inner_texts()


def test_the_page_fits_and_is_quiet(opened):
    page, trouble = opened
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert trouble == []


@TWO
def test_a_table_sorts_by_click_and_by_key(opened):
    page, trouble = opened
    head = page.locator("#table-accuracy_natural thead th").nth(1)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, "accuracy_natural", 1) == ["gif_dalle", "narrow", "dalle", "randaugment", "original"]
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, "accuracy_natural", 1)[0] == "original"
    page.locator("#table-accuracy_natural thead button").first.press("Space")
    assert head.get_attribute("aria-sort") == "none"
    assert column(page, "accuracy_natural", 1) == ["dalle", "gif_dalle", "narrow", "original", "randaugment"]
    assert trouble == []


@TWO
def test_blank_cells_stay_last(opened):
    page, _ = opened
    button = page.locator("#table-architectures thead button").nth(2)
    for _ in range(2):
        button.click()
        assert [bool(text) for text in column(page, "architectures", 3)] == [True, True, False, False, False]


@TWO
def test_a_picture_opens_and_closes(opened):
    page, trouble = opened
    dialog = page.locator("dialog")
    assert not dialog.is_visible()
    page.locator("#samples-cars .zoom").click()
    assert dialog.locator("img").is_visible()
    assert (
        dialog.locator("img").bounding_box()["width"] > page.locator("#samples-cars .zoom img").bounding_box()["width"]
    )
    assert dialog.locator("img").get_attribute("alt") == "Contact sheet of gif_dalle"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.locator(".zoom").first.press("Enter")
    dialog.get_by_label("Close").click()
    assert not dialog.is_visible()
    assert trouble == []


@TWO
def test_links_lead_to_sections_and_runs(opened):
    page, _ = opened
    page.get_by_role("link", name="Ablation").click()
    assert page.url.endswith("#ablation")
    expect = pytest.importorskip("playwright.sync_api").expect
    expect(page.locator("#ablation h2")).to_be_in_viewport()
    with page.context.expect_event("request", lambda sent: "127.0.0.1:5000" in sent.url) as asked:
        page.route("http://127.0.0.1:5000/**", lambda route: route.fulfill(body="<title>MLflow</title>"))
        page.locator("#table-accuracy_medical td a").last.click()
    assert asked.value.url.startswith("http://127.0.0.1:5000/")
    page.wait_for_url("**/runs/pathmnist-gif_dalle-5-tiny-0")
    assert page.title() == "MLflow"


def test_text_can_be_told_from_its_ground(opened):
    """WCAG's contrast of at least 4.5, for what a reader reads first."""
    page, _ = opened
    for selector in ("body", "figcaption", "nav a", "td.best", "thead button", ".paper td"):
        text, ground = page.evaluate(COLOURS, selector)
        assert contrast(text, ground) >= 4.5, selector


COLOURS = """selector => {
  let place = document.querySelector(selector);
  const text = getComputedStyle(place).color;
  while (place && getComputedStyle(place).backgroundColor === 'rgba(0, 0, 0, 0)') place = place.parentElement;
  return [text, getComputedStyle(place).backgroundColor];
}"""


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
