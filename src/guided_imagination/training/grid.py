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


def recipes_of(
    config: TrainConfig,
    recipes: Mapping[str, Recipe],
    changes: Mapping[str, Any],
    tuned: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> dict[tuple[str, str], Recipe]:
    """The recipe of each (architecture, recipe name): a row's `changes`, then the values that `tune` has chosen.

    `tuned` is by architecture and recipe; what it does not name stays as it is.
    """
    return {
        (architecture, name): recipes[name].overridden(changes).overridden(tuned.get(architecture, {}).get(name, {}))
        for architecture, name in product(config.architectures, config.recipes)
    }
