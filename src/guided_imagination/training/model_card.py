"""What somebody who gets a classifier has to know of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from guided_imagination.config.rows import ORIGINALS
from guided_imagination.training.grid import Cell
from guided_imagination.training.model_selection import VALIDATION
from guided_imagination.utils.markdown import code, escaped

FIT = {"crop": "the square in their middle", "squeeze": "squeezed into a square"}
METRICS = {"top5": "top-5 accuracy", "macro_f1": "macro-F1", "auc": "AUC"}


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
