import pandas as pd
import pytest

from guided_imagination.config.training import TuneConfig
from guided_imagination.training.grid import candidates, choose, search_cells
from helpers.cells import RECIPE

CONFIG = TuneConfig(recipe="short", learning_rates=[0.01, 0.1], weight_decays=[0, 5e-4], seeds=2)


def test_every_pair_is_tried():
    tried = candidates(RECIPE, CONFIG)
    assert {(recipe.learning_rate, recipe.weight_decay) for recipe in tried.values()} == {
        (0.01, 0),
        (0.01, 5e-4),
        (0.1, 0),
        (0.1, 5e-4),
    }
    assert {recipe.updates for recipe in tried.values()} == {RECIPE.updates}


def test_the_search_trains_on_originals_for_every_architecture_candidate_and_seed():
    cells = search_cells("pets", 0, ["a", "b"], candidates(RECIPE, CONFIG), 2)
    assert len({cell.name for cell in cells}) == len(cells) == 2 * 4 * 2
    assert {cell.ratio for cell in cells} == {0}


def test_the_highest_mean_over_seeds_wins_for_each_architecture():
    tried = candidates(RECIPE, CONFIG)
    names = list(tried)
    # for a, the second pair has the best mean, the third the best single run; for b, the last is best
    accuracies = {"a": [(50, 50), (60, 62), (40, 70), (10, 10)], "b": [(1, 1), (2, 2), (3, 3), (4, 4)]}
    rows = [
        {"architecture": architecture, "recipe": name, "seed": seed, "accuracy": pair[seed]}
        for architecture, pairs in accuracies.items()
        for name, pair in zip(names, pairs, strict=True)
        for seed in (0, 1)
    ]
    assert choose(pd.DataFrame(rows), tried, CONFIG) == {
        "a": {"short": {"learning_rate": 0.01, "weight_decay": 5e-4}},
        "b": {"short": {"learning_rate": pytest.approx(0.1), "weight_decay": 5e-4}},
    }
