"""Figures and pages with names of classes, datasets and rows that look like markup."""

import ast
import json
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from guided_imagination.config.tree import Method
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.report.confusion import Confusion, confusion_figure
from guided_imagination.report.contact_sheet import contact_sheet
from guided_imagination.report.page import Tracking, render
from guided_imagination.report.sections import Section
from guided_imagination.report.table import Entry, Table
from helpers.names import ODD
from helpers.project import ROOT
from helpers.results import cells, tidy, views
from helpers.toy import ToyAugmenter, dataset, plan

LONG = ["a very long name of a class " * 8, "W" * 200, "one_long_name_without_spaces_" * 9, "i" * 300, "b"]


def confusions(names, folder):
    """Every name is a class; the first ones are a dataset and rows."""
    counts = np.arange(2 * len(names) ** 2).reshape(2, len(names), len(names)).tolist()
    return confusion_figure([Confusion(names[0], "", names, (names[1], names[2]), counts)])


def results(names):
    """Every name is a row, the first two are datasets."""
    methods = {"original": Method(), **{name: Method(pipeline="expand_dalle", guided=True) for name in names}}
    rows = [cells(name, row, ratio, 30 + ratio, 32) for name in names[:2] for row in names for ratio in (1, 5)]
    return tidy(*rows), methods


def efficiency(names, folder):
    return views(*results(names)).figures()["efficiency_figure"]


def gains(names, folder):
    return views(*results(names)).figures()["gains_figure"]


def sheet(names, folder):
    """Every name is a class, the first is the title."""
    seeds = dataset(list(range(len(names))), names)
    expand(folder, plan(ToyAugmenter(), seeds=seeds))
    return contact_sheet(seeds, Expansion(folder), len(names), 0, names[0])


DRAWN = {"confusion_figure": confusions, "efficiency_figure": efficiency, "gain_figure": gains, "contact_sheet": sheet}
ELSEWHERE = {"variation_sheet", "new_figure"}  # without text
HAND_ON = {  # the figure of another function
    *("draw_contact_sheet", "figures", "show", "show_variations"),
}


def test_every_figure_is_drawn_here():
    returns = set()
    for path in (ROOT / "src" / "guided_imagination").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.returns and "Figure" in ast.unparse(node.returns):
                returns.add(node.name)
    assert returns - HAND_ON - ELSEWHERE == set(DRAWN)


def drawn(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()], canvas.get_renderer()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("figure", DRAWN.values(), ids=DRAWN)
def test_names_are_read_as_they_are(figure, tmp_path):
    for start in range(0, len(ODD) - 2, 12):
        names = ODD[start : start + 12]
        texts, _ = drawn(figure(names, tmp_path / str(start)))
        shown = "\n".join(text.get_text() for text in texts).split("\n")
        for name in names if figure is not confusions else [*names[2:], f"{names[0]}: {names[1]}"]:
            assert any(name in line for line in shown), name
        assert not any(text.get_parse_math() for text in texts if any(name in text.get_text() for name in names))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("figure", DRAWN.values(), ids=DRAWN)
def test_long_names_stay_inside(figure, tmp_path):
    made = figure(LONG, tmp_path)
    texts, renderer = drawn(made)
    assert any("…" in text.get_text() for text in texts)
    assert not set(LONG[:-1]) & {text.get_text() for text in texts}
    for text in texts:
        if text.get_text()[:5] in {name[:5] for name in LONG}:
            box = text.get_window_extent(renderer)
            assert box.x0 > -2, text.get_text()
            assert box.x1 < made.bbox.x1 + 2, text.get_text()


class Page(HTMLParser):
    """The texts of a page, and its data."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.data: list[str] = []
        self.tags: set[str] = set()
        self.inside = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.inside = "data" if ("type", "application/json") in attributes else tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        (self.data if self.inside == "data" else self.words).append(data)


def test_the_page_shows_names_as_they_are_and_hands_them_to_its_script():
    table = Table("odd", "Odd", ["class", *ODD], 1, [[Entry(name), *map(Entry, ODD)] for name in ODD], " ".join(ODD))
    look = {"dataset": "birds", "classes": ODD, "rows": [{"method": name} for name in ODD]}
    page = Page(render([Section("odd", ODD[0], [table], look=look)], ODD[-3], Tracking("", None), None))
    assert {*ODD, " ".join(ODD)} <= set(page.words)
    assert [json.loads(data) for data in page.data] == [look]
    assert "b" not in page.tags
