"""Differences between rows with intervals that cover images and training runs, or draws of the seeds."""

from collections.abc import Callable, Container, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import sem, t

from guided_imagination.report.summary import SETTING, images_of, largest_ratio, settled, signed, varying
from guided_imagination.report.table import Entry, Table

Correct = Callable[[dict[str, Any]], "np.ndarray[Any, Any] | None"]
COLUMNS = [*SETTING, "split", "ratio", "method", "minus", "difference", "low", "high", "covers", "images"]
WORDS = (
    "Difference of the mean accuracies in percentage points {images}, with a 95% interval that holds for other choices "
    "of what the column covers names: images, where both rows are measured on the same ones; training runs; or draws "
    "of the seeds, paired, each with its own expansions and runs, on the measured images. Where the interval holds 0, "
    "the two cannot be told apart. What a row does not name, its interval does not cover: with one training run it "
    "is too narrow for claims about a method."
)


def differences(
    results: pd.DataFrame, pairs: Sequence[tuple[str, str]], correct: Correct, changed: Container[str] = ()
) -> pd.DataFrame:
    """COLUMNS of every pair (method, other) at the largest ratio of each setting; `changed` as in `settled`.

    `correct` gives, of a row of `results`, whether each measured image was classified right, (images,), or
    None where that was not kept; a pair with such a row is left out. A pair with several draws of the seeds in common
    needs no predictions.
    """
    rows = []
    for setting, cells in largest_ratio(settled(results, changed)).groupby(SETTING, sort=False):
        parts = dict(iter(cells.groupby("method")))
        for method, other in pairs:
            if method in parts and other in parts:
                found = compared(parts[method], parts[other], correct)
                place = (*setting, cells["split"].iloc[0], cells["ratio"].max(), method, other)
                rows += [(*place, *interval, covers, images) for interval, covers, images in found]
    return pd.DataFrame(rows, columns=COLUMNS)


def compared(one: pd.DataFrame, other: pd.DataFrame, correct: Correct) -> "list[tuple[Interval, str, int | None]]":
    """The interval, what it covers, and the number of images it rests on; nothing where that cannot be known."""
    draws = sorted(set(one["draw"]) & set(other["draw"]))
    if len(draws) > 1:
        means, others = (rows.groupby("draw")["accuracy"].mean()[draws].to_numpy() for rows in (one, other))
        return [(mean_interval(means - others), f"{len(draws)} draws", None)]
    first, second = (_stacked(rows[rows["draw"].isin(draws)], correct) for rows in (one, other))
    if first is None or second is None or first.shape[1] != second.shape[1]:
        return []
    return [(paired_interval(first, second), _covered(len(first), len(second)), first.shape[1])]


def _covered(*runs: int) -> str:
    if min(runs) < 2:
        return "images"
    return f"images, {' and '.join(str(number) for number in dict.fromkeys(runs))} runs"


def _stacked(rows: pd.DataFrame, correct: Correct) -> "np.ndarray[Any, Any] | None":
    """(runs, images), or None if one is missing, or of other images."""
    arrays = [correct(row) for row in rows.to_dict("records")]
    found = [array for array in arrays if array is not None]
    return np.stack(found) if len(found) == len(arrays) and len({len(array) for array in found}) == 1 else None


def difference_table(found: pd.DataFrame) -> Table:
    """The rows of `differences`, to be read."""
    found = found.fillna({"conditions": ""})  # which a CSV cannot tell from a missing one
    blocks = ["dataset", *varying(found, SETTING[1:])]
    body = [
        [
            *(Entry(row[label]) for label in (*blocks, "method", "minus")),
            Entry(signed(row["difference"]), row["difference"]),
            Entry(f"{signed(row['low'])} to {signed(row['high'])}", row["low"]),
            Entry(row["covers"]),
            Entry("") if pd.isna(row["images"]) else Entry(str(int(row["images"])), float(row["images"])),
        ]
        for _, row in found.iterrows()
    ]
    header = [*blocks, "method", "minus", "difference", "95% interval", "covers", "images"]
    words = WORDS.format(images=images_of(found)) if body else ""
    return Table("differences", "Differences between rows", header, len(blocks) + 2, body, words)


class Interval(NamedTuple):
    """A difference and the ends of its confidence interval, in percentage points."""

    difference: float
    low: float
    high: float


def paired_interval(first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Accuracy of `first` minus that of `second`, with a t interval over images and training runs.

    Both are arrays (runs, images) of whether an image was classified right, the images in the same order; the
    numbers of runs may differ. The variance of the difference is the sum of three components: that of the images'
    mean gains over the number of images, and for each side that of the runs' accuracies over the number of runs.
    Their degrees of freedom are combined as by Satterthwaite (1946, "An approximate distribution of estimates of
    variance components", Biometrics Bulletin 2), of whom Welch's test is the case without images. What an image and a
    run do together is in both kinds of components, so the interval is somewhat wide where runs hardly differ.
    Where a side has a single run, its runs tell nothing, and the interval covers images only.

    Raises ValueError if the numbers of images differ.
    """
    one, other = (100 * np.atleast_2d(np.asarray(side, float)) for side in (first, second))
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"{one.shape[1]} and {other.shape[1]} images: a paired comparison needs the same images")
    samples = [one.mean(0) - other.mean(0)]
    if min(len(one), len(other)) > 1:
        samples += [one.mean(1), other.mean(1)]
    return _interval(float(samples[0].mean()), samples, confidence)


def mean_interval(differences: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean of paired differences (at least 2,) in percentage points, one per draw."""
    sample = np.asarray(differences, float)
    return _interval(float(sample.mean()), [sample], confidence)


def _interval(mean: float, samples: Sequence[NDArray[Any]], confidence: float) -> Interval:
    """The t interval of a sum of the means of independent samples, after Satterthwaite."""
    variances = np.array([sem(sample) ** 2 if len(sample) > 1 else 0 for sample in samples])
    total = variances.sum()
    if total == 0:
        return Interval(mean, mean, mean)
    freedom = total**2 / sum(v**2 / (len(sample) - 1) for v, sample in zip(variances, samples, strict=True) if v)
    low, high = t.interval(confidence, freedom, loc=mean, scale=np.sqrt(total))
    return Interval(mean, float(low), float(high))
