"""Which classes a row gains and loses against another: what classifiers take for what."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from guided_imagination.report.figures import GROUND, INK, new_figure
from guided_imagination.report.summary import SETTING, largest_ratio, setting_words, settled, signed
from guided_imagination.report.table import Entry, Table
from guided_imagination.utils.figures import Figure, fitted

Predictions = Callable[[dict[str, Any]], "pd.DataFrame | None"]
Counts = NDArray[np.int64]
LARGEST = 30  # classes that a figure can name
NAME = 1.8  # inches: the name of a class at most
WORDS = (
    "How many percent of each class's images are classified right, over all runs of those draws of the seeds that both "
    "rows have, and the difference in points; the classes that gain most come first. Of {settings}."
)


@dataclass(frozen=True)
class Confusion:
    """Of two rows on one dataset: `counts` (2, C, C) of images by class and prediction, summed over runs and draws.

    `setting` says in words what both were measured in.
    """

    dataset: str
    setting: str
    classes: list[str]
    methods: tuple[str, str]
    counts: list[list[list[int]]]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Percent of the images of each class (rows) by prediction (columns); 0 where a class has no image."""
        counts = np.array(self.counts, dtype=float)
        return 100 * counts / np.maximum(counts.sum(axis=2, keepdims=True), 1)


def confusions(
    results: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    predictions: Predictions,
    dataset: str,
    classes: Sequence[str],
    changed: Container[str] = (),
) -> dict[str, Confusion]:
    """`confusion` of the first pair that has results, by dataset; none without one."""
    there = [pair for pair in pairs if set(pair) <= set(results["method"])]
    found = confusion(results, there[0], predictions, dataset, classes, changed) if there else None
    return {dataset: found} if found else {}


def confusion(
    results: pd.DataFrame,
    pair: tuple[str, str],
    predictions: Predictions,
    dataset: str,
    classes: Sequence[str],
    changed: Container[str] = (),
) -> Confusion | None:
    """The first of the dataset's settings that has both rows, at its largest ratio; `changed` as in `settled`.

    `predictions` gives the columns label and prediction of a row of `results`, or None where they were not kept; then
    there is nothing to tell.
    """
    for _, cells in largest_ratio(settled(results, changed)).groupby(SETTING, sort=False):
        sides = [cells[cells["method"] == method] for method in pair]
        draws = set(sides[0]["draw"]) & set(sides[1]["draw"])
        rows = [side[side["draw"].isin(draws)].to_dict("records") for side in sides]
        found = [[predictions(row) for row in side] for side in rows]
        if all(side and all(frame is not None for frame in side) for side in found):
            counts = [sum(_count(frame, len(classes)) for frame in side if frame is not None) for side in found]
            (setting,) = setting_words(pd.concat(sides))
            return Confusion(dataset, setting, list(classes), pair, np.stack(counts).tolist())
    return None


def _count(frame: pd.DataFrame, classes: int) -> Counts:
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (frame["label"].to_numpy(), frame["prediction"].to_numpy()), 1)
    return counts


def class_table(found: Sequence[Confusion]) -> Table:
    """What each class gains."""
    header = ["dataset", "class", "method", "accuracy", "minus", "its accuracy", "difference"]
    body = []
    for each in found:
        right = np.diagonal(each.shares, axis1=1, axis2=2)
        gains = right[0] - right[1]
        for label in np.argsort(-gains, kind="stable").tolist():
            sides = [
                cell
                for method, value in zip(each.methods, right[:, label].tolist(), strict=True)
                for cell in (Entry(method), Entry(f"{value:.1f}", value))
            ]
            gain = float(gains[label])
            body.append([Entry(each.dataset), Entry(each.classes[label]), *sides, Entry(signed(gain), gain)])
    words = WORDS.format(settings="; of ".join(each.setting for each in found)) if body else ""
    return Table("classes", "Which classes gain", header, 2, body, words)


def confusion_figure(found: Sequence[Confusion]) -> Figure:
    """Per dataset: both rows' predictions by class, and their difference. Datasets of many classes are left out."""
    shown = [each for each in found if len(each.classes) <= LARGEST]
    if not shown:
        figure = new_figure(5, 1)
        figure.text(0.5, 0.5, "No two rows to compare by class.", ha="center", va="center", color=INK)
        return figure
    side = [2.4 + 0.28 * len(each.classes) for each in shown]
    figure = new_figure(3 * max(side) + 1, sum(side))
    grid = figure.add_gridspec(len(shown), 3, height_ratios=side)
    for line, each in enumerate(shown):
        classes = [fitted(name, NAME, 8, 1) for name in each.classes]
        first, second = each.shares
        panels = ((each.methods[0], first), (each.methods[1], second), ("difference", first - second))
        for place, (name, values) in enumerate(panels):
            axes = figure.add_subplot(grid[line, place])
            title = f"{each.dataset}: {name}" if place == 0 else name
            axes.set_title(fitted(title, max(side) - 0.5, 10, 2), color=INK, fontsize=10, loc="left")
            _panel(axes, values, classes, signs=place == 2, named=place == 0)
    return figure


def _panel(axes: Axes, values: NDArray[np.float64], classes: Sequence[str], *, signs: bool, named: bool) -> None:
    """Shares as a picture with their numbers; in a difference purple is more and orange is less."""
    most = max(1.0, np.abs(values).max()) if signs else 100.0
    axes.imshow(values, cmap="PuOr" if signs else "Blues", vmin=-most if signs else 0, vmax=most)
    axes.set_facecolor(GROUND)
    for (row, column), value in np.ndenumerate(values):
        if abs(value) >= 0.5:
            dark = abs(value) > 0.6 * most
            text = f"{value:+.0f}" if signs else f"{value:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=7, color="white" if dark else INK)
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=60, ha="right", fontsize=8, color=INK)
    axes.set_yticks(places, classes if named else [], fontsize=8, color=INK)
    axes.set_xlabel("prediction", fontsize=8, color=INK)
    if named:
        axes.set_ylabel("class", fontsize=8, color=INK)
