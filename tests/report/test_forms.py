"""What a table looks like in Markdown, LaTeX and JSON; what the paper reports."""

import json

import pytest

from guided_imagination.report.figures import spread
from guided_imagination.report.paper import paper_accuracy, paper_architectures, paper_efficiency
from guided_imagination.report.table import Entry, Table, failure_table
from helpers.names import ODD
from helpers.reading import Read

TABLE = Table(
    "small",
    "50% & more",
    ["method", "cars_x"],
    1,
    [[Entry("gif_mae"), Entry("50.0 ± 1.0", 50.0, ("a", "b"), best=True)], [Entry("cutout"), Entry("")]],
    "Measured on cars.",
)


def test_markdown_marks_the_best_and_ends_with_the_words():
    lines = TABLE.markdown().splitlines()
    assert [part.strip() for part in lines[2].strip("|").split("|")] == ["gif_mae", "**50.0 ± 1.0**"]
    assert lines[1].endswith(":|"), "numbers are right-aligned"
    assert lines[-1] == "Measured on cars."


def test_latex_is_booktabs_with_everything_escaped():
    text = TABLE.latex()
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\textbf{50.0 $\pm$ 1.0}", r"gif\_mae & ", r"50\% \& more"):
        assert part in text
    assert r"\begin{tabular}{lr}" in text


def test_a_table_comes_back_from_json():
    assert Table.from_json(json.loads(json.dumps(TABLE.to_json()))) == TABLE


def test_an_empty_table_is_false_and_has_no_text():
    empty = Table("none", "None", ["method", "cars"], 1, [], "Words.")
    assert not empty
    assert (empty.markdown(), empty.latex()) == ("", "")
    assert list(empty.frame()) == ["method", "cars"]


@pytest.mark.parametrize("group", ["natural", "medical"])
def test_the_papers_averages_are_those_of_its_columns(group):
    """Its averages stand in the file as reported: they guard against a mistyped number."""
    checked = 0
    for row in paper_accuracy(group).body:
        *values, average = (cell.value for cell in row[1:])
        if values == [None] * len(values):
            continue  # only the average is reported
        assert average == pytest.approx(sum(values) / len(values), abs=0.06)
        checked += 1
    assert checked > 2


def test_the_papers_figures_are_marked_as_the_papers():
    tables = [paper_accuracy("natural"), paper_accuracy("medical"), paper_architectures(), paper_efficiency()]
    for table in tables:
        assert table.title.startswith("The paper's figures")
        assert "arXiv 2211.13976" in table.words
        assert not any(cell.runs for row in table.body for cell in row)
    cars = tables[0].frame().set_index("method")["cars"]
    assert cars["gif_dalle"] == "53.1 (+33.3)"
    assert tables[2].frame().set_index("method").loc["gif_dalle", "resnet50"] == cars["gif_dalle"]


def test_there_is_no_paper_table_of_other_groups():
    assert not paper_accuracy("embedded")


def test_labels_are_moved_apart_and_keep_their_order():
    assert spread([1.0, 5.0], 1) == [1.0, 5.0]
    moved = spread([2.0, 2.0, 2.1, 9.0], 1)
    assert sorted(moved) == [*sorted(moved[:2]), moved[2], 9.0]
    assert all(high - low >= 1 - 1e-6 for low, high in zip(sorted(moved), sorted(moved)[1:], strict=False))


def test_names_of_any_kind_keep_their_cells_in_markdown():
    body = [[Entry(name, best=True), Entry(name), *map(Entry, ODD)] for name in ODD]
    read = Read(Table("odd", "Odd", ["a|b", "*c*", *ODD], 1, body, f"Of {', '.join(ODD)}.").markdown())
    assert read.rows == [["a|b", "*c*", *ODD], *([name, name, *ODD] for name in ODD)]
    assert read.lines == [f"Of {', '.join(ODD)}."]
    failed = Read(failure_table({"a|b": "ValueError: <x> | `y`\n  at *z*"}).markdown())
    assert failed.rows[1] == ["a|b", "ValueError: <x> | `y` at *z*"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\textbar{}b"),
        ("US$ {x}", r"US\$ \{x\}"),
        (r"\alpha_1", r"\textbackslash{}alpha\_1"),
        ("<b>", r"\textless{}b\textgreater{}"),
        ("[5pt] *", "{[}5pt] {*}"),  # `\\\\[5pt]` would be space between rows
        ("a--b---c", "a-{}-b-{}-{}-c"),
        ("a\n\nb", "a b"),
        ("#1 100% a&b ~ ^", r"\#1 100\% a\&b \textasciitilde{} \textasciicircum{}"),
        ("`x`", r"\textasciigrave{}x\textasciigrave{}"),
        ("\u732b \u00e9", "\u732b \u00e9"),
    ],
)
def test_names_of_any_kind_keep_their_cells_in_latex(text, written):
    lines = Table("a b|c", text, [text, "n"], 1, [[Entry(text), Entry("1")]], text).latex().splitlines()
    assert f"{written} & 1 \\\\" in lines
    assert f"{written} & n \\\\" in lines
    assert f"\\caption{{{written}. {written}}}" in lines
    assert r"\label{tab:a-b-c}" in lines
