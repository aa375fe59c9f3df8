from guided_imagination.training.grid import Cell
from guided_imagination.training.model_selection import model_card
from helpers.names import ODD
from helpers.reading import Read

CELL = Cell("birds", "gif_dalle", 5, "resnet50", "matched", 1, 2)
RESULT = {
    **{"split": "test", "updates": 300, "accuracy": 71.25, "top5": None, "macro_f1": 70.0, "auc": 95.5, "ece": 0.0321},
    **{"code": "0.5.0", "history": [[{"validation_accuracy": 60.0}, 100], [{"validation_accuracy": 80.0}, 300]]},
}
FACTS = {"classes": ["blue jay", "robin"], "resolution": 224, "seeds": 20, "checksum": "ab12", "candidates": 24}


def test_a_card_says_how_it_was_made_chosen_and_measured() -> None:
    card = model_card(CELL, RESULT, fit="crop", **FACTS)
    for line in (
        "# Classifier of birds",
        "| network | `resnet50`, recipe `matched`, 300 updates |",
        "| trained on | 20 seed images (checksum ab12, draw 2), and up to 5 new ones of each by `gif_dalle` |",
        "| accuracy, validation | 80.0 % |",
        "| accuracy, test | 71.2 % |",
        "| macro-F1 | 70.0 % |",
        "| images | RGB, the square in their middle, 224 x 224 pixels |",
        "| classes | blue jay, robin |",
    ):
        assert line in card.splitlines()
    assert "top-5" not in card
    assert (
        "chosen of 24 classifiers by its validation accuracy, which is too high by that; the test images had no" in card
    )


def test_figures_of_the_images_it_was_chosen_by_are_said_to_be_too_high() -> None:
    card = model_card(CELL, {**RESULT, "split": "validation"}, fit="squeeze", **FACTS)
    assert "too high by that, as are all figures here" in card
    assert "test" not in card
    assert "squeezed into a square" in card


def test_a_row_without_new_images_has_none() -> None:
    card = model_card(Cell("birds", "original", 0, "resnet50", "matched", 1, 0), RESULT, fit="crop", **FACTS)
    assert "| trained on | 20 seed images (checksum ab12, draw 0) |" in card


def test_names_of_any_kind_keep_their_cells() -> None:
    cell = Cell("a #", "b`c|d", 5, "resnet|50", "`", 1, 2)
    read = Read(model_card(cell, RESULT, fit="crop", **{**FACTS, "classes": ODD}))
    rows = dict(read.rows)
    assert rows["classes"] == ", ".join(ODD)
    assert rows["network"] == "resnet|50, recipe `, 300 updates"
    assert rows["trained on"].endswith("of each by b`c|d")
    assert read.lines[0] == "Classifier of a #"
