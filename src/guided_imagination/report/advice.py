"""What should I use? The best way without new images beside the best with them, and a sentence for each dataset."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from guided_imagination.report.differences import Correct, compared
from guided_imagination.report.summary import settled, signed
from guided_imagination.report.table import Entry, Table

COLUMNS = [
    *("dataset", "chosen_on", "without", "without_accuracy", "with_images", "with_accuracy"),
    *("difference", "low", "high", "covers"),
]
WORDS = (
    "The best way without new images (trained on the seed images alone, or an encoder with a head of class names or of "
    "the seed images) and the best with them, each chosen by its accuracy on {chosen}. Accuracies in percent on the "
    "measured images, the difference in percentage points with a 95% interval over what `covers` names."
)
FLATTERED = "the measured images themselves, which flatters both"


def advice(results: pd.DataFrame, making: Collection[str], correct: Correct) -> pd.DataFrame:
    """COLUMNS, a row per dataset where there are ways of both kinds.

    making: the methods that make images; correct: as in `differences`. A way is a method with its architecture, recipe
    and ratio. Ways are chosen by the mean accuracy on validation images where all of them have one.
    """
    rows = []
    for (dataset, _), own in settled(results).groupby(["dataset", "split"], sort=False):
        known = "validation" in own and own["validation"].notna().all()
        by = "validation" if known else "accuracy"
        ways = dict(iter(own.groupby(["method", "architecture", "recipe", "ratio"], sort=False)))
        sides = [{k: v for k, v in ways.items() if (k[0] in making) is made} for made in (False, True)]
        if not all(sides):
            continue
        best = [max(side, key=lambda key: _mean(side[key], by)) for side in sides]  # used at once
        found = compared(ways[best[1]], ways[best[0]], correct)
        (difference, low, high), covers = (found[0][0], found[0][1]) if found else ((float("nan"),) * 3, "")
        named = [_named(key, ways) for key in best]
        means = [_mean(ways[key], "accuracy") for key in best]
        chosen = "validation images" if known else FLATTERED
        rows.append((dataset, chosen, named[0], means[0], named[1], means[1], difference, low, high, covers))
    return pd.DataFrame(rows, columns=COLUMNS)


def _mean(runs: pd.DataFrame, column: str) -> float:
    """Over the draws, of the mean over the runs of each."""
    return float(runs.groupby("draw")[column].mean().mean())


def _named(key: tuple[Any, ...], ways: Mapping[tuple[Any, ...], pd.DataFrame]) -> str:
    """The method, and of its architecture, recipe and ratio what tells it from other ways of that method."""
    alike = [other for other in ways if other[0] == key[0]]
    apart = [str(value) for place, value in enumerate(key) if place and len({other[place] for other in alike}) > 1]
    return f"{key[0]} ({', '.join(apart)})" if apart else str(key[0])


def sentence(row: Mapping[str, Any]) -> str:
    """One plain sentence for a row of `advice`."""
    ways = f"{row['with_images']} ({row['with_accuracy']:.1f} %)", f"{row['without']} ({row['without_accuracy']:.1f} %)"
    interval = f"{signed(row['difference'])}, 95% interval {signed(row['low'])} to {signed(row['high'])}"
    if pd.isna(row["low"]):
        return f"Cannot be compared: predictions of {ways[0]} or {ways[1]} were not kept."
    if row["low"] > 0:
        return f"Generate images: {ways[0]} is better than {ways[1]}, the best way without them ({interval})."
    if row["high"] < 0:
        return f"Do not generate images: {ways[1]} is better than {ways[0]}, the best way with them ({interval})."
    return f"Use {ways[1]}: new images make no significant difference, {ways[0]} with the best of them ({interval})."


def advice_table(found: pd.DataFrame) -> Table:
    """The rows of `advice`, to be read, with their sentence."""
    header = ["dataset", "what to use", "without new images", "with new images", "difference", "95% interval", "covers"]
    body = [
        [
            *(Entry(text) for text in (row["dataset"], sentence(row))),
            Entry(f"{row['without']}: {row['without_accuracy']:.1f}", row["without_accuracy"]),
            Entry(f"{row['with_images']}: {row['with_accuracy']:.1f}", row["with_accuracy"]),
            Entry(signed(row["difference"]), row["difference"]),
            Entry(f"{signed(row['low'])} to {signed(row['high'])}", row["low"]),
            Entry("" if pd.isna(row["covers"]) else row["covers"]),
        ]
        for row in found.to_dict("records")
    ]
    words = WORDS.format(chosen=" or ".join(dict.fromkeys(found["chosen_on"]))) if body else ""
    return Table("advice", "What should I use?", header, 2, body, words)
