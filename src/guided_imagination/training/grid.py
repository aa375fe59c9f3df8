"""The cells of the grid dataset x method x ratio x architecture x recipe x seed, and the recipe of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from guided_imagination.config import Recipe, TrainConfig

ORIGINALS = 0  # the ratio of a row without new images


@dataclass(frozen=True)
class Cell:
    """One number of the results table."""

    dataset: str
    method: str
    ratio: int
    architecture: str
    recipe: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.architecture}-{self.recipe}-ratio{self.ratio}-seed{self.seed}"

    @property
    def title(self) -> str:
        return f"{self.dataset} {self.method} {self.name}"

    def folder(self, models: Path) -> Path:
        """Where its weights, predictions and result are kept."""
        return models / self.dataset / self.method / self.name


def grid(dataset: str, method: str, ratios: Sequence[int], config: TrainConfig) -> list[Cell]:
    """The cells of one row of the tables: every ratio, architecture, recipe and seed."""
    return [
        Cell(dataset, method, *choice)
        for choice in product(ratios, config.architectures, config.recipes, range(config.seeds))
    ]


def largest_row(seeds: int, ratio: int, config: TrainConfig) -> int:
    """Images of the grid's largest row: every seed, and as many variants of it as the largest ratio asks for.

    `ratio` is that of the expansions. What was dropped from them counts as well, so that all rows have one number.
    """
    return seeds * (1 + max(config.ratios or [ratio]))


def recipes_of(
    config: TrainConfig,
    recipes: Mapping[str, Recipe],
    changes: Mapping[str, Any],
    tuned: Mapping[str, Mapping[str, Mapping[str, float]]],
    largest: int,
) -> dict[tuple[str, str], Recipe]:
    """The recipe of each (architecture, recipe name): a row's `changes`, then the values that `tune` has chosen.

    `tuned` is by architecture and recipe; what it does not name stays as it is. `largest` are the images that
    `passes` of a recipe go over.
    """
    found = {}
    for architecture, name in product(config.architectures, config.recipes):
        recipe = recipes[name].overridden(changes).overridden(tuned.get(architecture, {}).get(name, {}))
        found[architecture, name] = recipe.resolved(largest)
    return found
