"""The cells of the grid dataset x method x ratio x architecture x recipe x seed."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path

from guided_imagination.config.rows import ORIGINALS, RowSettings, place_of


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
