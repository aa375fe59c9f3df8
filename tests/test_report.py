import pandas as pd
import pytest

from guided_imagination.report import contact_sheet, paper_table
from guided_imagination.store import Expansion, write
from toy import NAMES, ToyMaker, dataset, plan


def results(*rows):
    """Tidy results from (dataset, method, seed, accuracy)."""
    frame = pd.DataFrame(rows, columns=["dataset", "method", "seed", "accuracy"])
    return frame.assign(ratio=5, architecture="tiny", recipe="matched")


@pytest.fixture
def table():
    frame = results(
        ("cars", "original", 0, 20.0),
        ("cars", "original", 1, 24.0),
        ("cars", "gif", 0, 50.0),
        ("cars", "gif", 1, 53.0),
        ("cars", "gif", 2, 56.0),
        ("pets", "original", 0, 40.0),
        ("pets", "cutout", 0, 38.5),
    )
    return paper_table(frame, ["original", "cutout", "gif", "mae"]).set_index("method")


def test_cells_are_mean_sample_deviation_and_gain(table):
    # originals: mean 22, deviation sqrt((4 + 4) / 1) = 2.83; gif: mean 53, deviation sqrt((9 + 0 + 9) / 2) = 3
    assert table.loc["original", "cars"] == "22.0 ± 2.8"
    assert table.loc["gif", "cars"] == "53.0 ± 3.0 (+31.0)"


def test_a_single_run_has_no_deviation_and_a_loss_has_a_minus(table):
    assert table.loc["original", "pets"] == "40.0"
    assert table.loc["cutout", "pets"] == "38.5 (-1.5)"


def test_missing_cells_are_blank(table):
    assert table.loc["cutout", "cars"] == ""
    assert table.loc["gif", "pets"] == ""


def test_rows_keep_the_asked_order_without_methods_that_have_no_result(table):
    assert list(table.index) == ["original", "cutout", "gif"]
    assert list(table.columns) == ["cars", "pets"]


def test_without_originals_there_is_no_gain():
    assert paper_table(results(("cars", "gif", 0, 50.0)), ["gif"]).loc[0, "cars"] == "50.0"


def test_architectures_are_not_averaged_into_one_number():
    one, other = (results(("cars", "original", 0, value)) for value in (20.0, 60.0))
    frame = pd.concat([one, other.assign(architecture="large")], ignore_index=True)
    assert not paper_table(frame, ["original"]).astype(str).map(lambda cell: cell.startswith("40.0")).any(axis=None)


def test_a_contact_sheet_shows_seeds_of_different_classes_and_their_variants(tmp_path):
    write(tmp_path, plan(ToyMaker()))
    figure = contact_sheet(dataset([0, 1, 0, 1], NAMES), Expansion(tmp_path), 2, "toys")
    titles = " ".join(axis.get_title() for axis in figure.axes)
    assert len(figure.axes) == 2 * (1 + 2)
    assert "cat" in titles
    assert "dog" in titles
    assert all(len(axis.images) == 1 for axis in figure.axes)


def test_a_contact_sheet_leaves_dropped_variants_blank(tmp_path):
    write(tmp_path, plan(ToyMaker(wrong=lambda call, labels: labels == 1)))
    figure = contact_sheet(dataset([0, 1, 0, 1], NAMES), Expansion(tmp_path), 2, "toys")
    assert [len(axis.images) for axis in figure.axes] == [1, 1, 1, 1, 0, 0]
