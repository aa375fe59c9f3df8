"""What was measured on, in words: the paragraph under a table."""

from collections.abc import Iterable

import pandas as pd


def measured(summary: pd.DataFrame, split: str) -> str:
    """On which split, seeds, architectures, recipes and ratios the accuracies of `summary` rest."""
    seeds = sorted(set(summary["seeds"].astype(int)))
    ratios = sorted(set(summary.loc[summary["ratio"] > 0, "ratio"].astype(int)))
    spread = "mean ± sample standard deviation over " if seeds[-1] > 1 else "from "
    number = listed(str(seed) for seed in seeds) if len(seeds) < 3 else f"{seeds[0]} to {seeds[-1]}"
    sentence = (
        f"Top-1 accuracy in percent on the {split} images of {listed(summary['dataset'])}: {spread}"
        f"{number} training {'runs' if seeds[-1] > 1 else 'run'} of {listed(summary['architecture'])} "
        f"by the recipe {listed(summary['recipe'])}"
    )
    if ratios:
        sentence += f", at {listed(map(times, ratios), 'or')} new images per seed image"
    if summary["gain"].notna().any():
        sentence += "; in brackets the gain over the originals"
    return f"{sentence}. Best of each column marked."


def times(ratio: float) -> str:
    """A ratio with its sign of multiplication, whole or with one decimal."""
    return f"{ratio:.1f}\u00d7" if isinstance(ratio, float) else f"{ratio}\u00d7"


def listed(names: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c", each once."""
    once = list(dict.fromkeys(str(name) for name in names))
    return once[0] if len(once) == 1 else f"{', '.join(once[:-1])} {last} {once[-1]}" if once else ""
