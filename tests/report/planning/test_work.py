"""Amounts by hand: 5 seeds, ratio 2, 4 images for validation, 6 for test, shards of 2 seeds, recipes of 4 images."""

import pytest

from guided_imagination.report.planning.work import Place, decoded_bytes, work_of
from helpers.cells import RECIPE
from helpers.settings import EXPANDER, GRID, adaptation, row, training
from helpers.toy import dataset

ORIGINAL = {"method": "original", "ratio": 0, "expander": None}


def place(*rows, adapts=()):
    seeds, validation, test = (dataset([0] * count) for count in (5, 4, 6))
    return Place("pets_draw1", "pets", seeds, validation, test, rows, adapts)


def amounts(*rows, **others):
    return {(work.row, work.stage): (work.parts, work.units) for work in work_of(place(*rows, **others))}


def test_a_row_of_new_images():
    assert amounts(row()) == {
        ("gif_mae", "prepare"): (1, 5),
        ("gif_mae", "expand"): (3, 10),
        ("gif_mae", "train"): (1, 16),  # 4 updates
        ("gif_mae", "evaluate"): (1, 14),  # the test images, and twice those for validation
        ("gif_mae", "audit"): (1, 10),
    }


def test_a_row_without_new_images():
    assert amounts(row(**ORIGINAL)) == {
        ("original", "train"): (1, 16),
        ("original", "evaluate"): (1, 14),
        ("original", "audit"): (1, 9),  # the seeds, and the real images that all rows are compared with
    }


def test_every_draw_and_name_is_told_apart():
    (work, *_) = work_of(place(row()))
    assert (work.place, work.row, work.name) == ("pets_draw1", "gif_mae", "gif_mae")


def test_passes_are_over_the_largest_row_for_every_row():
    twice = training(short=RECIPE.overridden({"updates": None, "passes": 2}))  # 30 of 15 images: 8 updates of 4
    found = amounts(row(training=twice), row(**ORIGINAL, training=twice))
    assert found["gif_mae", "train"] == found["original", "train"] == (1, 32)


def test_epochs_are_over_what_a_row_has():
    thrice = training(short=RECIPE.overridden({"updates": None, "epochs": 3}))  # 45 images: 12 updates; 15: 4
    found = amounts(row(training=thrice), row(**ORIGINAL, training=thrice))
    assert found["gif_mae", "train"] == (1, 48)
    assert found["original", "train"] == (1, 16)


def test_runs_architectures_recipes_and_ratios_multiply():
    grid = GRID.overridden(
        {
            "seeds": 3,
            "architectures": ["a", "b"],
            "recipes": ["short", "long"],
            "ratios": [1, 2],
            "evaluate_on": "validation",
        }
    )
    trainings = [work for work in work_of(place(row(training=training(grid)))) if work.stage == "train"]
    assert {work.name for work in trainings} == {"a short", "a long", "b short", "b long"}
    assert [(work.parts, work.units) for work in trainings] == [(3, 48)] * 8
    looked = [work.units for work in work_of(place(row(training=training(grid)))) if work.stage == "evaluate"]
    assert looked == [3 * (4 + 2 * 4)] * 8


def test_a_fine_tuning_counts_its_updates():
    adapt = {"steps": 400, "batch_size": 2, "learning_rate": 1e-6}
    expander = EXPANDER.model_copy(update={"config": EXPANDER.config.overridden({"adapt": adapt})})
    assert amounts(adapts=[adaptation(expander)]) == {("expand_mae", "adapt"): (1, 400)}


@pytest.mark.parametrize(("rows", "size"), [([], 0), ([row(**ORIGINAL)], 5), ([row(**ORIGINAL), row()], 15)])
def test_the_largest_row_is_decoded_while_it_trains(rows, size):
    assert decoded_bytes([place(*rows)]) == size * 3 * 4 * 4
