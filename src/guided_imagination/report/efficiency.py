"""How much accuracy a ratio of new images buys, and which ratio of one method equals another's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from guided_imagination.report.accuracy import layout
from guided_imagination.report.summary import (
    BASE,
    SETTING,
    accuracy_text,
    blocks_of,
    in_order,
    measured,
    times,
    varying,
)
from guided_imagination.report.table import Entry, Table


@dataclass(frozen=True)
class Reading:
    """At `tried` x (by linear interpolation `interpolated` x) a method equals `target`, another's at `ratio` x.

    None where it never gets there.
    """

    ratio: int
    target: float
    tried: int | None
    interpolated: float | None


def read_off(curve: pd.Series, other: pd.Series) -> Reading:
    """Where `curve` reaches the accuracy that `other` has at its largest ratio; both are accuracies by ratio.

    `tried` is the smallest ratio on `curve` that is at least as accurate. Interpolation is between
    neighbouring ratios; below the smallest tried ratio nothing is claimed.
    """
    curve, ratio = curve.sort_index(), int(other.index.max())
    target = float(other[ratio])
    enough = np.flatnonzero(curve.to_numpy() >= target)
    if len(enough) == 0:
        return Reading(ratio, target, None, None)
    first = int(enough[0])
    high, reached = curve.index[first], curve.iloc[first]
    if first == 0:
        return Reading(ratio, target, int(high), float(high))
    low, before = curve.index[first - 1], curve.iloc[first - 1]
    return Reading(ratio, target, int(high), float(low + (high - low) * (target - before) / (reached - before)))


def curves(summary: pd.DataFrame) -> pd.DataFrame:
    """Rows of methods that were measured at two ratios at least, and their originals (ratio 0)."""
    several = (summary["ratio"] > 0) & (summary.groupby([*SETTING, "method"])["ratio"].transform("nunique") > 1)
    shown = set(summary.loc[several, SETTING].itertuples(index=False, name=None))
    beside = np.array([row in shown for row in summary[SETTING].itertuples(index=False, name=None)], dtype=bool)
    return summary[several | ((summary["method"] == BASE) & beside)]


def efficiency_table(summary: pd.DataFrame, methods: Sequence[str]) -> Table:
    """Ratios as columns; no rows unless two ratios were measured."""
    shown = curves(summary).sort_values("ratio", kind="stable")
    return layout(
        shown.assign(at=[times(int(ratio)) for ratio in shown["ratio"]]),
        varying(shown, SETTING),
        "at",
        methods,
        name="efficiency",
        title="Accuracy by expansion ratio",
        words=measured(shown) if len(shown) else "",
    )


def readings_table(summary: pd.DataFrame, imagined: Sequence[str], augmented: Sequence[str]) -> Table:
    """Which ratio of each imagined row equals each augmented row at its largest ratio."""
    shown = curves(summary)
    blocks = varying(shown, SETTING)
    body = []
    for block, rows in blocks_of(shown, blocks):
        means = {method: part.set_index("ratio")["mean"] for method, part in rows.groupby("method", sort=False)}
        for method in in_order((name for name in means if name in imagined), imagined):
            for other in in_order((name for name in means if name in augmented), augmented):
                reading = read_off(means[method], means[other])
                body.append([*(Entry(part) for part in block), Entry(method), Entry(other), *_reading_cells(reading)])
    header = [*blocks, "method", "equals", "at", "accuracy", "with", "interpolated"]
    return Table("readings", "Which ratio equals which", header, len(blocks) + 2, body, READING_WORDS)


READING_WORDS = (
    "From the means above: the smallest tried ratio at which a method is at least as accurate as another at its "
    "largest ratio, and the same by linear interpolation between tried ratios. Differences within the deviations "
    "above are not findings."
)


def _reading_cells(reading: Reading) -> list[Entry]:
    return [
        Entry(times(reading.ratio), reading.ratio),
        Entry(accuracy_text(reading.target, float("nan")), reading.target),
        Entry("not reached" if reading.tried is None else times(reading.tried), reading.tried),
        Entry("" if reading.interpolated is None else times(reading.interpolated), reading.interpolated),
    ]
