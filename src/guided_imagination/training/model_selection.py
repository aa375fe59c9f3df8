"""The best classifier of a dataset: chosen, described on a card, and asked about image files."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_model
from torch import Tensor, nn

from guided_imagination.config.rows import ORIGINALS
from guided_imagination.config.training import Architecture, Recipe
from guided_imagination.data.images import decode, square, squeezed
from guided_imagination.training.cells import CELL_COLUMNS
from guided_imagination.training.grid import Cell
from guided_imagination.training.network import build_model
from guided_imagination.training.recipe import normalise
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import read_json
from guided_imagination.utils.markdown import code, escaped

VALIDATION = "validation_accuracy"
FIT = {"crop": "the square in their middle", "squeeze": "squeezed into a square"}
METRICS = {"top5": "top-5 accuracy", "macro_f1": "macro-F1", "auc": "AUC"}


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


def model_card(
    cell: Cell,
    result: Mapping[str, Any],
    *,
    classes: Sequence[str],
    resolution: int,
    fit: Literal["crop", "squeeze"],
    seeds: int,
    checksum: str,
    candidates: int,
) -> str:
    """Markdown: how a classifier was made and chosen, what it was measured at, on which images.

    result: the cell's result.json; seeds, checksum: of the images it began from; candidates: cells in all.
    """
    new = "" if cell.ratio == ORIGINALS else f", and up to {cell.ratio} new ones of each by {code(cell.method)}"
    measured = f"It was chosen of {candidates} classifiers by its validation accuracy, which is too high by that"
    if result["split"] == "validation":
        measured += ", as are all figures here: expect less on other images."
    else:
        measured += f"; the {result['split']} images had no part in it."
    rows = {
        "network": f"{code(cell.architecture)}, recipe {code(cell.recipe)}, {result['updates']} updates",
        "trained on": f"{seeds} seed images (checksum {checksum}, draw {cell.draw}){new}",
        "accuracy, validation": f"{result['history'][-1][0][VALIDATION]:.1f} %",
        f"accuracy, {result['split']}": f"{result['accuracy']:.1f} %",
        **{text: f"{result[name]:.1f} %" for name, text in METRICS.items() if result.get(name) is not None},
        "expected calibration error": f"{result['ece']:.3f}",
        "images": f"RGB, {FIT[fit]}, {resolution} x {resolution} pixels",
        "classes": ", ".join(map(escaped, classes)),
        "version": f"guided-imagination {result['code']}",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    return (
        f"# Classifier of {escaped(cell.dataset)}\n\n| | |\n|---|---|\n{table}\n\n{measured} It always names one of "
        "its classes, also for an image of none of them.\n"
    )


def pixels(path: Path, resolution: int, fit: Literal["crop", "squeeze"]) -> Tensor:
    """An image file as (3, H, W) uint8, made square as the images of a dataset are. Raises InputError if unreadable."""
    try:
        content = path.read_bytes()
        image = decode(squeezed(content) if fit == "squeeze" else content)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): give an image file") from error
    except ValueError as error:
        raise InputError(f"{path} is not a readable image ({error}): give JPEG, PNG or the like") from error
    return torch.from_numpy(np.array(square(image, resolution))).permute(2, 0, 1)


def predict(
    classify: Callable[[Tensor], Tensor],
    paths: Sequence[Path],
    names: Sequence[str],
    *,
    resolution: int,
    fit: Literal["crop", "squeeze"],
    top: int,
) -> list[list[tuple[str, float]]]:
    """The `top` classes of every file with their probabilities, the most probable first.

    classify: images (B, 3, H, W) uint8 -> probabilities (B, C), of the classes `names`. Raises InputError for the
    first file that is no image, before any is classified.
    """
    images = [pixels(path, resolution, fit) for path in paths]
    found = []
    with torch.no_grad():
        for image in images:  # one by one: what one image is given does not depend on the others
            values, classes = classify(image[None])[0].topk(min(top, len(names)))
            found.append(
                [(names[index], value) for index, value in zip(classes.tolist(), values.tolist(), strict=True)]
            )
    return found
