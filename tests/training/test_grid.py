import pytest

from guided_imagination.config import TrainConfig
from guided_imagination.training.grid import grid, largest_row, recipes_of
from helpers.cells import RECIPE

CONFIG = TrainConfig(architectures=["a", "b"], recipes=["short", "long"], seeds=2, evaluate_on="test", log_points=1)


def test_the_grid_has_every_ratio_architecture_recipe_and_seed_once():
    cells = grid("pets", "gif", [1, 5], CONFIG)
    assert len(cells) == len({cell.name for cell in cells}) == 16
    assert {(cell.ratio, cell.architecture, cell.recipe, cell.seed) for cell in cells} == {
        (ratio, architecture, recipe, seed)
        for ratio in (1, 5)
        for architecture in "ab"
        for recipe in ("short", "long")
        for seed in (0, 1)
    }


def test_a_row_changes_its_recipes_and_no_other():
    recipes = {"short": RECIPE, "long": RECIPE.model_copy(update={"updates": 9})}
    found = recipes_of(CONFIG, recipes, {"mixup": 0.2}, {}, 1)
    assert {recipe.mixup for recipe in found.values()} == {0.2}
    assert (found["a", "short"].updates, found["a", "long"].updates) == (4, 9)
    assert RECIPE.mixup == 0


def test_tuned_values_are_those_of_the_architecture_and_recipe():
    recipes = {"short": RECIPE, "long": RECIPE}
    tuned = {"a": {"short": {"learning_rate": 0.5, "weight_decay": 0.25}}}
    found = recipes_of(CONFIG, recipes, {"mixup": 0.2}, tuned, 1)
    assert (found["a", "short"].learning_rate, found["a", "short"].weight_decay) == (0.5, 0.25)
    assert found["a", "short"].mixup == 0.2
    assert found["b", "short"].learning_rate == found["a", "long"].learning_rate == pytest.approx(0.01)


def test_the_largest_row_has_every_seed_and_its_variants_of_the_largest_ratio():
    assert largest_row(100, 5, CONFIG) == 600
    assert largest_row(100, 10, CONFIG.model_copy(update={"ratios": [1, 2]})) == 300


def test_all_rows_and_architectures_get_the_updates_of_the_largest_row():
    recipes = {"short": RECIPE.model_copy(update={"updates": None, "passes": 2}), "long": RECIPE}
    found = recipes_of(CONFIG, recipes, {}, {}, largest_row(100, 5, CONFIG))
    assert found["a", "short"].updates == found["b", "short"].updates == 300  # 2 x 600 images in batches of 4
    assert found["a", "long"].updates == 4
