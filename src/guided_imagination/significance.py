"""Whether one method is better than another, beyond the luck of the measured images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import bootstrap


class Interval(NamedTuple):
    """A difference and the ends of its confidence interval, in percentage points."""

    difference: float
    low: float
    high: float


def paired_bootstrap(
    first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Accuracy of `first` minus that of `second`, with a percentile bootstrap interval over images.

    Both are arrays (seeds, images) of whether an image was classified right, the images in the same order; the
    numbers of seeds may differ. Every resample draws images, the same ones for both and for all of their seeds
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
