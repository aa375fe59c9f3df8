"""The training runs of the grid, and those of the search for learning rate and weight decay."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from guided_imagination.config.rows import ORIGINALS, RowSettings, place_of
from guided_imagination.config.training import Recipe, TuneConfig


@dataclass(frozen=True)
class Cell:
    """One number of the results table."""

    dataset: str
    method: str
    ratio: int
    architecture: str
    recipe: str
    seed: int
    draw: int = 0

    @property
    def name(self) -> str:
        return f"{self.architecture}-{self.recipe}-ratio{self.ratio}-seed{self.seed}"

    @property
    def title(self) -> str:
        return f"{place_of(self.dataset, self.draw)} {self.method} {self.name}"

    def folder(self, models: Path) -> Path:
        """Where its weights, predictions and result are kept."""
        return models / place_of(self.dataset, self.draw) / self.method / self.name


def cells_of(settings: RowSettings) -> list[Cell]:
    """The cells of one row of the tables: every ratio, architecture, recipe and seed."""
    config = settings.training.grid
    ratios = [ORIGINALS] if settings.ratio == ORIGINALS else config.ratios or [settings.ratio]
    return [
        Cell(settings.dataset, settings.method, *choice, settings.draw)
        for choice in product(ratios, config.architectures, config.recipes, range(config.seeds))
    ]


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
