import pytest

from guided_imagination.config.rows import ORIGINALS
from guided_imagination.config.training import TrainConfig
from guided_imagination.training.grid import cells_of
from helpers.cells import ARCHITECTURE, RECIPE
from helpers.settings import row, training

CONFIG = TrainConfig(architectures=["a", "b"], recipes=["short", "long"], seeds=2, evaluate_on="test", log_points=1)


def test_the_grid_has_every_ratio_architecture_recipe_and_seed_once():
    cells = cells_of(row(training=training(CONFIG.model_copy(update={"ratios": [1, 5]}))))
    assert len(cells) == len({cell.name for cell in cells}) == 16
    assert {(cell.ratio, cell.architecture, cell.recipe, cell.seed) for cell in cells} == {
        (ratio, architecture, recipe, seed)
        for ratio in (1, 5)
        for architecture in "ab"
        for recipe in ("short", "long")
        for seed in (0, 1)
    }


def test_without_ratios_a_row_is_trained_on_all_that_it_has_and_the_originals_on_none():
    assert {cell.ratio for cell in cells_of(row(training=training(CONFIG), ratio=3))} == {3}
    changed = training(CONFIG.model_copy(update={"ratios": [1, 5]}))
    assert {cell.ratio for cell in cells_of(row(training=changed, ratio=ORIGINALS))} == {0}


def test_tuned_values_are_those_of_the_architecture_and_recipe():
    found = training(CONFIG).tuned({"a": {"short": {"learning_rate": 0.5, "weight_decay": 0.25}}}).recipes
    assert (found["a"]["short"].learning_rate, found["a"]["short"].weight_decay) == (0.5, 0.25)
    assert found["b"]["short"].learning_rate == found["a"]["long"].learning_rate == pytest.approx(0.01)
    assert training(CONFIG).architectures["a"] == ARCHITECTURE
    assert found["b"]["long"] == RECIPE
