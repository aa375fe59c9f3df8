"""Text in figures: as it is written, in any script, as wide as its place."""

import ast
import logging
import pickle
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as PlainFigure
from matplotlib.font_manager import fontManager

from guided_imagination.utils import figures
from guided_imagination.utils.figures import FONT, Figure, fitted, legible
from helpers.names import ODD
from helpers.project import ROOT

SOURCE = ROOT / "src" / "guided_imagination"
UNKNOWN = {"\u732b": "Mao", "\u30cd\u30b3": "neko", "\ud55c\uad6d": "HanGug"}  # cat in Chinese and Japanese, Korea


CACHES = figures.legible, figures._fallbacks, figures._others


def forget():
    for cache in CACHES:
        cache.cache_clear()
    figures._told.clear()


@pytest.fixture
def only_own_font(monkeypatch):
    """A machine without any font but matplotlib's."""
    forget()
    monkeypatch.setattr(fontManager, "ttflist", [font for font in fontManager.ttflist if font.name == FONT])
    monkeypatch.setattr(figures, "findSystemFonts", list)
    yield
    forget()


@pytest.fixture
def another_font(only_own_font, monkeypatch, tmp_path):
    """A font with the Chinese cat, a bar as wide as three letters, installed after matplotlib listed the others."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0)), pen.lineTo((100, 700)), pen.lineTo((2900, 700)), pen.lineTo((2900, 0)), pen.closePath()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "cat"])
    font.setupCharacterMap({0x732B: "cat"})
    font.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "cat": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (3000, 0), "cat": (3000, 100)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Cats", "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(tmp_path / "cats.ttf")
    monkeypatch.setattr(figures, "findSystemFonts", lambda: [str(tmp_path / "cats.ttf"), str(tmp_path / "gone.ttf")])


def drawn(figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def everywhere(kind, names):
    """A figure with the names in every place that a text can stand in."""
    figure = kind(figsize=(6, 4))
    figure.suptitle(names[0])
    figure.text(0.5, 0.9, names[1])
    fixed, categories = figure.subplots(1, 2)
    fixed.set(title=names[0], xlabel=names[1], ylabel=names[2])
    fixed.set_xticks([0, 1, 2], names, rotation=60)
    fixed.plot([0, 2], [0, 1], label=names[2])
    fixed.legend()
    fixed.annotate(names[0], (1, 0.5))
    categories.bar(names, [1, 2, 3])
    categories.table([[names[0]]])
    return figure


@pytest.mark.parametrize("first", range(0, len(ODD) - 2, 3))
def test_text_in_every_place_looks_as_where_matplotlib_knows_no_formulas(first):
    names = ODD[first : first + 3]
    with matplotlib.rc_context({"text.parse_math": False}):
        expected = drawn(everywhere(PlainFigure, names))
    assert np.array_equal(drawn(everywhere(Figure, names)), expected)


def test_whatever_matplotlib_is_set_to_and_leaves_it_so():
    with matplotlib.rc_context({"font.family": "serif", "text.parse_math": True}):
        before = dict(matplotlib.rcParams)
        figure = Figure(figsize=(6, 4))
        with matplotlib.rc_context({"text.usetex": True}):  # needs LaTeX, which is not here
            figure.text(0.5, 0.5, ODD[0])
        found = drawn(figure)
        assert dict(matplotlib.rcParams) == before
    plain = PlainFigure(figsize=(6, 4))
    plain.text(0.5, 0.5, ODD[0], parse_math=False)
    assert np.array_equal(found, drawn(plain))


def test_numbers_at_an_axis_stay_as_matplotlib_writes_them():
    def powers(kind):
        figure = kind()
        figure.add_subplot().loglog([1, 1e6], [1, 1e6])
        return drawn(figure)

    assert np.array_equal(powers(Figure), powers(PlainFigure))


def test_a_figure_can_be_drawn_twice_and_handed_to_another_process():
    figure = everywhere(Figure, ["a$b$", "\u732b", "c"])
    once = drawn(figure)
    assert np.array_equal(drawn(figure), once)
    assert np.array_equal(drawn(pickle.loads(pickle.dumps(figure))), once)


def test_what_no_font_has_is_in_ascii_with_one_warning_that_names_it(only_own_font, caplog):
    with caplog.at_level(logging.WARNING):
        names = [f"{name} (cat)" for name in UNKNOWN]
        for _ in range(2):
            figure = everywhere(Figure, names)
            figure.text(0, 0, f"on the images of {names[2]}: 1")
            drawn(figure)
    texts = {text.get_text() for text in figure.findobj(matplotlib.text.Text)}
    assert {"Mao (cat)", "neko (cat)", "HanGug (cat)", "on the images of HanGug (cat): 1"} <= texts
    assert not {mark for text in texts for mark in text} & set("".join(UNKNOWN))
    (warning,) = (record.getMessage() for record in caplog.records)
    assert warning == "no installed font has the characters of these names; figures show " + ", ".join(
        f"{name!r} as {shown!r}" for name, shown in UNKNOWN.items()
    )


def test_no_text_lacks_a_glyph(only_own_font, recwarn):
    drawn(everywhere(Figure, ["\u732b\n\u72d7", "\U0001f436 \U0001f468\u200d\U0001f469", "\ue000\t\x07\udcff"]))
    assert not [warning for warning in recwarn if "missing from font" in str(warning.message)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u732b\u72d7 \u00c5", "MaoGou A"),
        ("\U0001f468\u200d\U0001f469 \U0001f3f3\ufe0f", ":man::woman: :flag_white:"),
        ("\ue000\udcff", "U+E000U+DCFF"),
        ("a\tb\r\x00c\nd", "a b  c\nd"),
        ("\u00e9\u0394\u042f\u05e9\u0639", "\u00e9\u0394\u042f\u05e9\u0639"),
    ],
)
def test_only_what_no_font_has_is_changed(only_own_font, text, shown):
    assert legible(text) == shown


def test_names_that_the_own_font_has_are_no_reason_to_look_for_others(only_own_font, monkeypatch):
    monkeypatch.setattr(figures, "_others", lambda: pytest.fail("looked for fonts"))
    drawn(everywhere(Figure, ["cat", "\u00e9\u0142\u0394\u042f", "\u05e9\u0639"]))


def test_an_installed_font_that_has_it_is_used(another_font, caplog):
    with caplog.at_level(logging.WARNING, "guided_imagination"):
        figure = Figure(figsize=(2, 1), dpi=100)
        text = figure.text(0.1, 0.5, "\u732b", fontsize=20)
        pixels = drawn(figure)[..., 0]
    assert (text.get_text(), text.get_fontfamily()) == ("\u732b", [FONT, "Cats"])
    assert not caplog.records
    rows, columns = np.nonzero(pixels < 128)
    size = 20 / 72 * 100
    assert np.ptp(columns) + 1 == pytest.approx(2.8 * size, abs=2), "the bar, not an empty box"
    assert len(rows) == pytest.approx(2.8 * 0.7 * size**2, rel=0.05)


def width(line, points):
    """In inches, of pixels that are drawn."""
    figure = Figure(figsize=(60, 1), dpi=200)
    figure.text(0.01, 0.5, line, fontsize=points)
    columns = np.nonzero(drawn(figure)[..., 0].min(0) < 200)[0]
    return (np.ptp(columns) + 1) / 200


@pytest.mark.parametrize(
    "text", ["W" * 60, "i" * 200, "WWW iii " * 20, "\u732b" * 40, "W", "a_long_name_without_spaces"]
)
def test_text_is_as_wide_as_fits_and_ends_in_an_ellipsis(another_font, text):
    lines = fitted(text, 1.5, 9, 3).split("\n")
    assert len(lines) <= 3
    assert all(width(line, 9) <= 1.5 for line in lines)
    assert text.startswith(lines[0])
    together = "".join(lines).replace(" ", "")
    assert together == text.replace(" ", "") or (
        together.endswith("…") and text.replace(" ", "").startswith(together[:-1]) and width(lines[-1], 9) > 1
    )


def test_a_long_word_is_cut_and_not_left_out():
    assert fitted("german_short_haired_pointer" * 3, 1.8, 8, 1).startswith("german_short_haired")
    assert fitted("cat", 1, 9, 1) == "cat"
    assert fitted("new\nline", 2, 9, 1) == "new line"
    assert fitted("", 1, 9, 1) == ""


def test_lines_break_between_words():
    assert fitted("head of a crocodile", 1, 9, 3) == "head of a\ncrocodile"


def test_no_other_kind_of_figure_is_made():
    """Text of another one would be parsed."""
    allowed = SOURCE / "utils" / "figures.py"
    made = []
    for path in set(SOURCE.rglob("*.py")) - {allowed}:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if {"matplotlib", "matplotlib.figure", "matplotlib.pyplot", "pylab"} & set(names):
                made.append(path.name)
    assert not made, "takes its Figure from utils/figures.py"


def test_a_figure_is_saved_as_it_is_drawn():
    figure, file = Figure(figsize=(3, 1), layout="constrained"), BytesIO()
    figure.text(0, 0.5, "Ba$$in")  # no formula, which matplotlib says with an error
    figure.savefig(file, format="svg", bbox_inches="tight")
    assert b"<!-- Ba$$in -->" in file.getvalue()
