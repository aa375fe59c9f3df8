"""Accuracy tables: datasets x methods, architectures x methods, and other measures beside accuracy."""

from collections.abc import Container, Sequence

import pandas as pd

from guided_imagination.report.summary import (
    BEST,
    SETTING,
    accuracy_entry,
    in_order,
    largest_ratio,
    measured,
    summarise,
    varying,
)
from guided_imagination.report.table import Entry, Table


def accuracy_table(summary: pd.DataFrame, methods: Sequence[str], *, name: str, title: str, kept: str = "") -> Table:
    """Datasets as columns (one per architecture, recipe and conditions, where there are several), methods as rows.

    Each dataset shows its largest ratio; the average stands where a row has all datasets. Rows that are not in
    `methods` are references and come last. `kept` is a sentence about the new images, for the words.
    """
    shown = largest_ratio(summary)
    several = varying(shown, SETTING[1:])
    names = [_column(dataset, *notes) for dataset, *notes in shown[["dataset", *several]].itertuples(index=False)]
    labelled = shown.assign(column=names)
    trained = shown[shown["method"].isin(methods)]
    words = f"{measured(trained)} {kept}".strip() if len(trained) else ""
    return layout(
        with_average(labelled, [], "column") if not several else labelled,
        [],
        "column",
        methods,
        name=name,
        title=title,
        words=words,
    )


def _column(dataset: str, *notes: str) -> str:
    told = [note for note in notes if note]
    return f"{dataset} ({', '.join(told)})" if told else dataset


def architecture_table(summary: pd.DataFrame, methods: Sequence[str]) -> Table:
    """Architectures as columns, for the datasets that were measured with at least two; else no rows."""
    shown = largest_ratio(summary)
    shown = shown[shown.groupby("dataset")["architecture"].transform("nunique") > 1]
    blocks = varying(shown, ["dataset", "recipe", "conditions"])
    return layout(
        with_average(shown, blocks, "architecture"),
        blocks,
        "architecture",
        methods,
        name="architectures",
        title="Accuracy by architecture",
        words=measured(shown) if len(shown) else "",
    )


MEASURES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "auc": "AUC"}
MEASURE_WORDS = (
    "In percent, of the same images, runs and draws as the accuracy tables: macro-F1 is the mean of the classes' F1, "
    "AUC the mean area under the ROC curve of each class against the rest; in brackets the gain over the originals. "
)


def measure_table(results: pd.DataFrame, methods: Sequence[str], changed: Container[str] = ()) -> Table:
    """Datasets x methods as rows, MEASURES as columns, at the largest ratio; those that were not taken are blank."""
    taken = [name for name in MEASURES if name in results and results[name].notna().any()]
    parts = []
    for name in taken:
        values = results[results[name].notna()].assign(accuracy=lambda rows, name=name: rows[name])
        parts.append(largest_ratio(summarise(values, changed)).assign(measure=MEASURES[name]))
    rows = pd.concat(parts, ignore_index=True) if parts else summarise(results, changed).assign(measure="")
    blocks = ["dataset", *varying(rows, SETTING[1:])]
    words = MEASURE_WORDS + BEST if parts else ""
    return layout(rows, blocks, "measure", methods, name="measures", title="Beyond accuracy", words=words)


AVERAGE = "average"


def layout(
    summary: pd.DataFrame,
    blocks: Sequence[str],
    column: str,
    methods: Sequence[str],
    *,
    name: str,
    title: str,
    words: str,
) -> Table:
    """One row per block and method, one column per value of `column`; blank where nothing was measured.

    `blocks` are leading columns (dataset, say) within which methods are compared with each other: there
    the best mean of each column is marked. Rows that are not in `methods` come last and are never marked.
    """
    columns = list(dict.fromkeys(summary[column]))
    rounded = summary["mean"].round(1).where(summary["method"].isin(methods))
    rivals = rounded.groupby([summary[key] for key in (*blocks, column)])
    best = (rounded == rivals.transform("max")) & (rivals.transform("count") > 1)
    cells = {
        (*(row[key] for key in (*blocks, "method")), row[column]): accuracy_entry(row, row["best"])
        for _, row in summary.assign(best=best).iterrows()
    }
    rows = [
        (*block, method)
        for block in dict.fromkeys(tuple(row) for row in summary[list(blocks)].itertuples(index=False))
        for method in in_order(summary["method"], methods)
    ]
    body = [
        [*(Entry(str(part)) for part in row), *(cells.get((*row, value), Entry("")) for value in columns)]
        for row in rows
        if any((*row, value) in cells for value in columns)
    ]
    header = [*blocks, "method", *(str(value) for value in columns)]
    return Table(name, title, header, len(blocks) + 1, body, words)


def with_average(summary: pd.DataFrame, blocks: Sequence[str], column: str) -> pd.DataFrame:
    """`summary` and, as a further value of `column`, each method's mean over it, where it has all of at least two.

    A gain that one of them lacks is in no mean.
    """
    number = summary[column].nunique()
    if number < 2:
        return summary
    groups = summary.groupby([*blocks, "method"], sort=False)
    averages = groups[["mean", "gain"]].agg(lambda values: values.mean(skipna=False))[groups.size() == number]
    averages = averages.reset_index()
    lines = averages.assign(**{column: AVERAGE, "deviation": float("nan"), "runs": [()] * len(averages)})
    return pd.concat([summary, lines], ignore_index=True)
