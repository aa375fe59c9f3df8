"""Accuracy tables: datasets x methods, and architectures x methods."""

from collections.abc import Mapping, Sequence

import pandas as pd

from guided_imagination.report.grid import grid, with_average
from guided_imagination.report.summary import largest_ratio, varying
from guided_imagination.report.table import Table
from guided_imagination.report.words import measured

OTHER = "other"


def group_of(dataset: str, groups: Mapping[str, Sequence[str]]) -> str:
    """The group that lists `dataset`, else "other"."""
    return next((name for name, members in groups.items() if dataset in members), OTHER)


def accuracy_table(summary: pd.DataFrame, methods: Sequence[str], *, split: str, name: str, title: str) -> Table:
    """Datasets as columns (one per architecture and recipe, where there are several), methods as rows.

    Each dataset shows its largest ratio; the average stands where a row has all datasets. Rows that are not in
    `methods` are references and come last.
    """
    shown = largest_ratio(summary)
    several = varying(shown, ["architecture", "recipe"])
    names = [_column(dataset, *notes) for dataset, *notes in shown[["dataset", *several]].itertuples(index=False)]
    labelled = shown.assign(column=names)
    words = measured(shown[shown["method"].isin(methods)], split) if len(shown) else ""
    return grid(
        with_average(labelled, [], "column") if not several else labelled,
        [],
        "column",
        methods,
        name=name,
        title=title,
        words=words,
    )


def _column(dataset: str, *notes: str) -> str:
    return f"{dataset} ({', '.join(notes)})" if notes else dataset


def architecture_table(summary: pd.DataFrame, methods: Sequence[str], split: str) -> Table:
    """Architectures as columns, for the datasets that were measured with at least two; else no rows."""
    shown = largest_ratio(summary)
    shown = shown[shown.groupby("dataset")["architecture"].transform("nunique") > 1]
    blocks = varying(shown, ["dataset", "recipe"])
    return grid(
        with_average(shown, blocks, "architecture"),
        blocks,
        "architecture",
        methods,
        name="architectures",
        title="Accuracy by architecture",
        words=measured(shown, split) if len(shown) else "",
    )
