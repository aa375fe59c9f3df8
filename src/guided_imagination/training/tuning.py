"""The search for a recipe's learning rate and weight decay, on validation images, the same for every row."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import pandas as pd

from guided_imagination.config.rows import ORIGINALS
from guided_imagination.config.training import Recipe, TuneConfig
from guided_imagination.training.grid import Cell

METHOD = "tune"


def candidates(recipe: Recipe, config: TuneConfig) -> dict[str, Recipe]:
    """`recipe` with every pair of learning rate and weight decay, by names that say which."""
    return {
        f"{config.recipe}-lr{rate:g}-wd{decay:g}": recipe.overridden({"learning_rate": rate, "weight_decay": decay})
        for rate, decay in product(config.learning_rates, config.weight_decays)
    }


def search_cells(dataset: str, draw: int, architectures: Iterable[str], names: Iterable[str], seeds: int) -> list[Cell]:
    """A cell for every architecture, candidate and seed. All train on the originals alone.

    What is best for the originals favours no method; it is their row that a badly chosen rate would make too low.
    """
    choices = product(architectures, names, range(seeds))
    return [Cell(dataset, METHOD, ORIGINALS, *choice, draw) for choice in choices]


def choose(results: pd.DataFrame, tried: dict[str, Recipe], config: TuneConfig) -> dict[str, Any]:
    """By architecture and recipe name: the learning rate and weight decay of the highest mean accuracy.

    `results` has the columns of training.RESULT_COLUMNS, measured on validation images. The first of equals wins.
    """
    means = results.groupby(["architecture", "recipe"], sort=False)["accuracy"].mean()
    chosen: dict[str, Any] = {}
    for architecture in results["architecture"].unique():
        best = tried[str(means[architecture].idxmax())]
        chosen[architecture] = {config.recipe: {"learning_rate": best.learning_rate, "weight_decay": best.weight_decay}}
    return chosen
