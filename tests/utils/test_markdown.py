"""Any text in Markdown reads as it was written."""

import pytest
from markdown import markdown as to_html

from guided_imagination.utils.markdown import code, escaped
from helpers.names import ODD
from helpers.reading import Read

PLACES = {"sentence": "of {}: 1", "bold": "**{}**", "item": "- a: {}", "heading": "# {}", "end": "# of {}"}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("text", ODD)
def test_text_reads_as_it_is(text, place):
    read = Read(place.format(escaped(text)))
    assert read.lines == [place.lstrip("#-* ").rstrip("*").format(text)]
    assert read.tags <= {"p", "li", "ul", "h1", "strong"}


@pytest.mark.parametrize("way", [escaped, code])
def test_every_text_keeps_its_cell(way):
    rows = "\n".join(f"| {way(text)} | {way(text)}x |" for text in ODD)
    read = Read(f"| {way('a|b')} | c |\n|---|---|\n{rows}")
    assert read.rows == [["a|b", "c"], *([text, f"{text}x"] for text in ODD)]
    assert read.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


def test_names_as_most_are_stay_as_they_are():
    for text in ("gif_mae", "T-shirt/top", "50.0 ± 1.0 (+3.2)", "ResNet-50", "A & B", "\u732b", "u!", "a.b (c) > d"):
        assert escaped(text) == text
        assert code(text) == f"`{text}`"


def test_lines_become_one():
    assert escaped("a\n\n- b\tc") == "a - b c"
    assert Read(f"| a |\n|---|\n| {code('x' + chr(10) + 'y')} |").rows == [["a"], ["x y"]]


def test_another_reader_agrees():
    """Python-Markdown, of mkdocs, which knows fewer escapes."""
    rows = "\n".join(f"| {escaped(text)} | 1 |" for text in ODD)
    html = to_html(f"| a | b |\n|---|---|\n{rows}", extensions=["tables"])
    assert Read(html).rows == [["a", "b"], *([text, "1"] for text in ODD)]
