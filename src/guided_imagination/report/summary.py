"""Tidy results -> one line per cell: mean over runs or draws, deviation, gain over the originals."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from guided_imagination.report.table import Entry

BASE = "original"
UNKNOWN = "unknown"  # what a result of an older version does not tell about itself
SETTING = ["dataset", "architecture", "recipe", "conditions"]

# What else made a number, how a reader is told, and the columns within which rows that differ in it are told apart:
# all numbers of a table stand on one split, while the content of a recipe may follow the dataset and architecture.
PROVENANCE = {
    "split": ("{} images", []),
    "recipe_key": ("recipe content {}", ["dataset", "architecture", "recipe"]),
    "code": ("code {}", ["recipe"]),
    "precision": ("precision {}", ["recipe"]),
}
COLUMNS = [
    *(*SETTING, "method", "ratio", "split", "mean", "deviation"),
    *("repeats", "each", "draws", "by_draw", "runs"),
]


def settled(results: pd.DataFrame, changed: Container[str] = ()) -> pd.DataFrame:
    """`results` with every column of PROVENANCE as text, `draw`, and `conditions`, which completes SETTING.

    `conditions` says in words in which columns of PROVENANCE a row differs from others of its scope; it is empty
    where none does. What an older version did not write is "unknown", its draw is 0. The methods in `changed` change
    their recipe themselves: where there is one content of theirs and one of the others, the two are compared.
    """
    results = results.reset_index(drop=True)
    texts = {name: _text(results[name]) if name in results else UNKNOWN for name in PROVENANCE}
    draw = results["draw"].fillna(0).astype(int) if "draw" in results else 0
    own = results.assign(**texts, draw=draw)
    rows = _with_shared_recipe(own, changed)
    words = []
    for name, (wording, scope) in PROVENANCE.items():
        several = rows.groupby(scope)[name].transform("nunique") if scope else [rows[name].nunique()] * len(rows)
        words.append([wording.format(text) if n > 1 else "" for text, n in zip(rows[name], several, strict=True)])
    return own.assign(conditions=[", ".join(filter(None, parts)) for parts in zip(*words, strict=True)])


def _text(values: pd.Series) -> pd.Series:
    texts = values.astype(object).where(values.notna(), UNKNOWN).astype(str)
    return texts.where(texts != "", UNKNOWN)


def _with_shared_recipe(rows: pd.DataFrame, changed: Container[str]) -> pd.DataFrame:
    own = pd.Series([method in changed for method in rows["method"]], rows.index, dtype=bool)
    if not own.any():
        return rows
    keys = rows["recipe_key"].copy()
    for _, group in rows.groupby([name for name in (*SETTING, *PROVENANCE) if name in rows and name != "recipe_key"]):
        shared = keys[group.index[~own[group.index]]].unique()
        for _, part in group[own[group.index]].groupby("method"):
            if len(shared) == 1 and part["recipe_key"].nunique() == 1:
                keys[part.index] = shared[0]
    return rows.assign(recipe_key=keys)


def summarise(results: pd.DataFrame, changed: Container[str] = ()) -> pd.DataFrame:
    """One row per setting, method and ratio, in the order of `results`; `changed` as in `settled`.

    Columns beside those: split; mean and deviation of the accuracy in percent (sample standard deviation over runs
    or, where there are several draws of the seeds, over the means of the draws; NaN for one); repeats, the number of
    runs; each, the numbers of runs of a draw; draws, their number; by_draw, mean accuracy by draw; runs (a tuple of
    MLflow run ids) and gain: the mean difference from the originals in the same setting, over the draws that both
    have, NaN where there are none.
    """
    rows = settled(results, changed)
    keys = [*SETTING, "method", "ratio"]
    cells: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for *key, split, draw, accuracy, run in rows[[*keys, "split", "draw", "accuracy", "run_id"]].itertuples(
        index=False
    ):
        cells.setdefault(tuple(key), []).append((split, draw, accuracy, run))
    lines = [{**dict(zip(keys, key, strict=True)), **_line(runs)} for key, runs in cells.items()]
    summary = pd.DataFrame(lines, columns=COLUMNS)
    originals = summary[summary["method"] == BASE].drop_duplicates(SETTING).set_index(SETTING)["by_draw"].to_dict()
    gains = [
        float("nan") if method == BASE else paired(by_draw, originals.get(tuple(place), {}))
        for *place, method, by_draw in summary[[*SETTING, "method", "by_draw"]].itertuples(index=False)
    ]
    return summary.assign(gain=pd.Series(gains, summary.index, dtype=float))


def _line(cells: Sequence[tuple[str, int, float, Any]]) -> dict[str, Any]:
    """What a summary says of one row of a table, from the split, draw, accuracy and run of each of its cells."""
    draws: dict[int, list[float]] = {}
    for _, draw, accuracy, _ in cells:
        draws.setdefault(draw, []).append(accuracy)
    by_draw = {draw: float(np.mean(accuracies)) for draw, accuracies in draws.items()}
    spread = list(by_draw.values()) if len(draws) > 1 else [accuracy for _, _, accuracy, _ in cells]
    return {
        "split": cells[0][0],
        "mean": float(np.mean(list(by_draw.values()))),
        "deviation": float(np.std(spread, ddof=1)) if len(spread) > 1 else float("nan"),
        "repeats": len(cells),
        "each": tuple(sorted({len(accuracies) for accuracies in draws.values()})),
        "draws": len(draws),
        "by_draw": by_draw,
        "runs": tuple(run for *_, run in cells if pd.notna(run) and run != ""),
    }


def paired(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    """Mean of `one` minus `other` over the draws that both have; NaN where they share none."""
    shared = [one[draw] - other[draw] for draw in one if draw in other]
    return float(np.mean(shared)) if shared else float("nan")


def largest_ratio(summary: pd.DataFrame) -> pd.DataFrame:
    """Rows without new images, and of the others those with most new images in each setting."""
    largest = summary.groupby(SETTING)["ratio"].transform("max")
    return summary[(summary["ratio"] == largest) | (summary["ratio"] == 0)]


def with_references(measured: pd.DataFrame, summary: pd.DataFrame, methods: Container[str]) -> pd.DataFrame:
    """`measured` and, in each of its settings, the lines of `summary` that are no method's: untrained references.

    A reference stands beside what was measured on the same split; several of one name also say what made them.
    """
    references = summary[np.array([method not in methods for method in summary["method"]], dtype=bool)]
    several = references.duplicated(["dataset", "split", "method"], keep=False)
    made = [", ".join(filter(None, how)) for how in references[["architecture", "conditions"]].itertuples(index=False)]
    names = [f"{name} ({how})" if n else name for name, how, n in zip(references["method"], made, several, strict=True)]
    settings = measured[[*SETTING, "split"]].drop_duplicates()
    lines = references.assign(method=names).drop(columns=SETTING[1:]).merge(settings, on=["dataset", "split"])
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


def measured(summary: pd.DataFrame) -> str:
    """On which splits, runs, draws, architectures, recipes, ratios and conditions the accuracies of `summary` rest."""
    ratios = sorted(set(summary.loc[summary["ratio"] > 0, "ratio"].astype(int)))
    sentence = (
        f"Top-1 accuracy in percent {images_of(summary)}: {_repeats(summary)} of {listed(summary['architecture'])} "
        f"by the {'recipes' if summary['recipe'].nunique() > 1 else 'recipe'} {listed(summary['recipe'])}"
    )
    if ratios:
        sentence += f", at {listed(map(times, ratios), 'or')} new images per seed image"
    if summary["gain"].notna().any():
        sentence += "; in brackets the gain over the originals"
    conditions = [text for text in dict.fromkeys(summary["conditions"]) if text]
    if conditions:
        sentence += f". What was made under different conditions is set apart, never averaged: {'; '.join(conditions)}"
    return f"{sentence}. {BEST}"


BEST = "Best of each column marked."


def images_of(rows: pd.DataFrame) -> str:
    """ "on the test images of cars": what rows with the columns split and dataset were measured on."""
    known = [split for split in dict.fromkeys(rows["split"]) if split != UNKNOWN]
    some = f"on the {listed(known)} images" if known else "on images"
    unknown = UNKNOWN in set(rows["split"])
    return f"{some} of {listed(rows['dataset'])}{' (of older results the split is unknown)' if unknown else ''}"


def note_words(notes: Mapping[str, Mapping[str, Sequence[int]]], datasets: Iterable[str]) -> str:
    """Sentences about copies among the images of `datasets`; `notes` are by dataset, with the draws that each is of,
    none where it is of all."""
    return " ".join(
        f"In {dataset}{f', draw {listed(map(str, draws))}' if draws else ''}: {said}."
        for dataset in dict.fromkeys(datasets)
        for said, draws in notes.get(dataset, {}).items()
    )


def setting_words(rows: pd.DataFrame) -> list[str]:
    """ "tiny by the recipe matched, on the test images of cars and pets": what the rows of one setting of each dataset
    were measured in; datasets of equal settings share their words."""
    told: dict[tuple[str, str, int], list[str]] = {}
    for dataset, own in rows.groupby("dataset", sort=False):
        setting = own.iloc[0]
        trained = f"{setting['architecture']} by the recipe {setting['recipe']}"
        how, ratio = ", ".join(filter(None, [trained, setting["conditions"]])), int(own["ratio"].max())
        told.setdefault((how, setting["split"], ratio), []).append(str(dataset))
    return [
        f"{how}, {images_of(pd.DataFrame({'split': split, 'dataset': names}))}"
        + (f", at {times(ratio)} new images per seed image" if ratio else "")
        for (how, split, ratio), names in told.items()
    ]


def _repeats(summary: pd.DataFrame) -> str:
    each, draws = sorted({runs for counts in summary["each"] for runs in counts}), sorted(set(summary["draws"]))
    runs, spread = "runs" if each[-1] > 1 else "run", "mean ± sample standard deviation over"
    if draws[-1] > 1:
        return f"{spread} {_number(draws)} draws of the seeds, averaged over {_number(each)} training {runs} each,"
    return f"{spread if each[-1] > 1 else 'from'} {_number(each)} training {runs}"


def _number(counts: Sequence[int]) -> str:
    return listed(map(str, counts)) if len(counts) < 3 else f"{counts[0]} to {counts[-1]}"


def times(ratio: float) -> str:
    """A ratio with its sign of multiplication, whole or with one decimal."""
    return f"{ratio:.1f}\u00d7" if isinstance(ratio, float) else f"{ratio}\u00d7"


def listed(names: Iterable[str], last: str = "and") -> str:
    """ "a", "a and b", "a, b and c", each once."""
    once = list(dict.fromkeys(str(name) for name in names))
    return once[0] if len(once) == 1 else f"{', '.join(once[:-1])} {last} {once[-1]}" if once else ""
