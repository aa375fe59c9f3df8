"""Tidy results -> one line per cell: mean over seeds, deviation, gain over the originals."""

from collections.abc import Container, Iterable, Iterator, Sequence

import pandas as pd

from guided_imagination.report.table import Entry

BASE = "original"
SETTING = ["dataset", "architecture", "recipe"]


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset, architecture, recipe, method and ratio, in the order of `results`.

    Columns beside those: mean and deviation of the accuracy in percent (sample standard deviation, NaN
    for one run), repeats (of training), runs (a tuple of MLflow run ids) and gain: the mean minus that of the
    originals in the same setting, NaN where there are none.
    """
    grouped = results.groupby([*SETTING, "method", "ratio"], sort=False)
    summary = grouped["accuracy"].agg(mean="mean", deviation="std", repeats="count")
    summary["runs"] = grouped["run_id"].agg(lambda ids: tuple(ids.dropna().loc[lambda known: known != ""]))
    summary = summary.reset_index()
    originals = summary[summary["method"] == BASE].set_index(SETTING)["mean"]
    originals = originals[~originals.index.duplicated()]
    base = pd.Series([originals.get(tuple(row), float("nan")) for row in summary[SETTING].itertuples(index=False)])
    return summary.assign(gain=(summary["mean"] - base.astype(float)).where(summary["method"] != BASE))


def largest_ratio(summary: pd.DataFrame) -> pd.DataFrame:
    """Rows without new images, and of the others those with most new images in each setting."""
    largest = summary.groupby(SETTING)["ratio"].transform("max")
    return summary[(summary["ratio"] == largest) | (summary["ratio"] == 0)]


def with_references(measured: pd.DataFrame, summary: pd.DataFrame, methods: Container[str]) -> pd.DataFrame:
    """`measured` and, in each of its settings, the lines of `summary` that are no method's: untrained references."""
    references = summary[[method not in methods for method in summary["method"]]]
    settings = measured[SETTING].drop_duplicates()
    lines = references.drop(columns=["architecture", "recipe"]).merge(settings, on="dataset")
    return pd.concat([measured, lines[measured.columns].assign(gain=float("nan"))], ignore_index=True)


def in_order(names: Iterable[str], order: Sequence[str]) -> list[str]:
    """Those of `order` that occur, then what `order` does not know."""
    present = list(dict.fromkeys(names))
    return [name for name in order if name in present] + [name for name in present if name not in order]


def varying(summary: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Columns that hold more than one value: what a table has to say in every row."""
    return [column for column in columns if summary[column].nunique() > 1]


def blocks_of(table: pd.DataFrame, blocks: Sequence[str]) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The rows of `table` by the values of its columns `blocks`; all of them together without such columns."""
    if not blocks:
        return iter([((), table)] if len(table) else [])
    return ((tuple(key), rows) for key, rows in table.groupby(list(blocks), sort=False))


def accuracy_text(mean: float, deviation: float, gain: float = float("nan")) -> str:
    """ "mean ± deviation (gain)": what is NaN is left out."""
    text = f"{mean:.1f}"
    if pd.notna(deviation):
        text += f" ± {deviation:.1f}"
    return text if pd.isna(gain) else f"{text} ({signed(gain)})"


def signed(points: float) -> str:
    """With its sign and one decimal; what rounds to zero is +0.0."""
    return f"{round(points, 1) + 0.0:+.1f}"


def accuracy_entry(row: pd.Series, best: bool = False) -> Entry:
    """The cell of a row of `summarise`."""
    return Entry(accuracy_text(row["mean"], row["deviation"], row["gain"]), row["mean"], row["runs"], best)


def measured(summary: pd.DataFrame, split: str) -> str:
    """On which split, runs, architectures, recipes and ratios the accuracies of `summary` rest."""
    repeats = sorted(set(summary["repeats"].astype(int)))
    ratios = sorted(set(summary.loc[summary["ratio"] > 0, "ratio"].astype(int)))
    spread = "mean ± sample standard deviation over " if repeats[-1] > 1 else "from "
    number = listed(str(count) for count in repeats) if len(repeats) < 3 else f"{repeats[0]} to {repeats[-1]}"
    sentence = (
        f"Top-1 accuracy in percent on the {split} images of {listed(summary['dataset'])}: {spread}"
        f"{number} training {'runs' if repeats[-1] > 1 else 'run'} of {listed(summary['architecture'])} "
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
