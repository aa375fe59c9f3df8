"""The best classifier of a dataset, ready to be handed to somebody."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_model
from torch import Tensor, nn

from guided_imagination.config.training import Architecture, Recipe
from guided_imagination.training.cells import CELL_COLUMNS
from guided_imagination.training.grid import Cell
from guided_imagination.training.network import build_model
from guided_imagination.training.recipe import normalise
from guided_imagination.utils.files import read_json

VALIDATION = "validation_accuracy"


class Classifier(nn.Module):
    """A network with its preprocessing: images (B, 3, H, W) uint8 -> probabilities (B, C)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network(normalise(pixels)).softmax(1)


def best_cell(results: pd.DataFrame, models: Path) -> tuple[Cell, dict[str, Any]] | None:
    """The finished cell of the highest validation accuracy, and its result; the first of equals.

    Its run is the one that `results` names: the file may name one of another tracking store.
    None if no cell has a validation accuracy: the measured images are not for choosing.
    """
    cells = [Cell(**row) for row in results[CELL_COLUMNS].to_dict("records")]
    kept = [
        (cell, {**read_json(cell.folder(models) / "result.json"), "run_id": run_id})
        for cell, run_id in zip(cells, results["run_id"].fillna(""), strict=True)
    ]
    kept = [(cell, result) for cell, result in kept if VALIDATION in result["history"][-1][0]]
    return max(kept, key=lambda pair: pair[1]["history"][-1][0][VALIDATION], default=None)


def load_classifier(folder: Path, architecture: Architecture, classes: int, recipe: Recipe) -> Classifier:
    """The classifier that a cell has left in its folder, on the CPU, in evaluation mode."""
    network = build_model(architecture, classes, recipe)
    load_model(network, folder / "model.safetensors")
    return Classifier(network).eval()


def example(resolution: int) -> Tensor:
    """Two black images (2, 3, H, W) uint8: what a classifier takes."""
    return torch.zeros(2, 3, resolution, resolution, dtype=torch.uint8)
