"""Differences between rows with their paired bootstrap intervals."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import bootstrap

from guided_imagination.report.summary import SETTING, largest_ratio, signed, varying
from guided_imagination.report.table import Entry, Table

Correct = Callable[[dict[str, Any]], "np.ndarray[Any, Any] | None"]
COLUMNS = [*SETTING, "ratio", "method", "minus", "difference", "low", "high", "images"]
WORDS = (
    "Difference of the mean accuracies in percentage points, with the 95% interval of a bootstrap over the measured "
    "images, paired: both rows are measured on the same ones. Where the interval holds 0, the images do not tell the "
    "two apart; how much a repeated expansion or draw of seed images would change, it does not say."
)


def differences(results: pd.DataFrame, pairs: Sequence[tuple[str, str]], correct: Correct) -> pd.DataFrame:
    """COLUMNS of every pair (method, other) at the largest ratio of each setting.

    `correct` gives, of a row of `results`, whether each measured image was classified right, (images,), or
    None where that was not kept; a pair with such a row is left out.
    """
    rows = []
    for setting, cells in largest_ratio(results).groupby(SETTING, sort=False):
        kept = {method: _stacked(part, correct) for method, part in cells.groupby("method")}
        for method, other in pairs:
            first, second = kept.get(method), kept.get(other)
            if first is not None and second is not None:
                interval = paired_bootstrap(first, second)
                rows.append((*setting, cells["ratio"].max(), method, other, *interval, first.shape[1]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _stacked(rows: pd.DataFrame, correct: Correct) -> "np.ndarray[Any, Any] | None":
    """(runs, images), or None if one is missing."""
    arrays = [correct(row) for row in rows.to_dict("records")]
    found = [array for array in arrays if array is not None]
    return np.stack(found) if len(found) == len(arrays) else None


def difference_table(found: pd.DataFrame) -> Table:
    """The rows of `differences`, to be read."""
    blocks = ["dataset", *varying(found, ["architecture", "recipe"])]
    body = [
        [
            *(Entry(row[label]) for label in (*blocks, "method", "minus")),
            Entry(signed(row["difference"]), row["difference"]),
            Entry(f"{signed(row['low'])} to {signed(row['high'])}", row["low"]),
            Entry(str(row["images"]), float(row["images"])),
        ]
        for _, row in found.iterrows()
    ]
    header = [*blocks, "method", "minus", "difference", "95% interval", "images"]
    return Table("differences", "Differences between rows", header, len(blocks) + 2, body, WORDS)


class Interval(NamedTuple):
    """A difference and the ends of its confidence interval, in percentage points."""

    difference: float
    low: float
    high: float


def paired_bootstrap(
    first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Accuracy of `first` minus that of `second`, with a percentile bootstrap interval over images.

    Both are arrays (runs, images) of whether an image was classified right, the images in the same order; the
    numbers of runs may differ. Every resample draws images, the same ones for both and for all of their runs
    (Efron and Tibshirani 1993, chapter 13). Raises ValueError if the numbers of images differ.
    """
    one, other = np.atleast_2d(np.asarray(first, float)), np.atleast_2d(np.asarray(second, float))
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"{one.shape[1]} and {other.shape[1]} images: a paired comparison needs the same images")
    gains = 100 * (one.mean(0) - other.mean(0))
    if np.ptp(gains) == 0:  # every resample is the same
        return Interval(float(gains[0]), float(gains[0]), float(gains[0]))
    interval = bootstrap(
        (gains,),
        np.mean,
        n_resamples=resamples,
        batch=50,  # of resamples in memory
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(gains.mean()), float(interval.low), float(interval.high))
