"""Amounts by hand: 5 seeds, ratio 2, 4 images for validation, 6 for test, shards of 2 seeds, recipes of 4 images."""

from guided_imagination.planning.work import work_of
from helpers.cells import RECIPE
from helpers.settings import EXPANDER, GRID, adaptation, row, training
from helpers.toy import dataset

ORIGINAL = {"method": "original", "ratio": 0, "expander": None}
SPLITS = {name: dataset([0] * count) for name, count in (("seeds", 5), ("validation", 4), ("test", 6))}


def amounts(*rows):
    return {(work.row.method, work.stage): (work.parts, work.units) for own in rows for work in work_of(own, SPLITS)}


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
    trainings = [work for work in work_of(row(training=training(grid)), SPLITS) if work.stage == "train"]
    assert {work.name for work in trainings} == {"a short", "a long", "b short", "b long"}
    assert [(work.parts, work.units) for work in trainings] == [(3, 48)] * 8
    looked = [work.units for work in work_of(row(training=training(grid)), SPLITS) if work.stage == "evaluate"]
    assert looked == [3 * (4 + 2 * 4)] * 8


def test_a_fine_tuning_counts_its_updates():
    adapt = {"steps": 400, "batch_size": 2, "learning_rate": 1e-6}
    expander = EXPANDER.model_copy(update={"config": EXPANDER.config.overridden({"adapt": adapt})})
    assert amounts(row(adapt=adaptation(expander)))["gif_mae", "adapt"] == (1, 400)
