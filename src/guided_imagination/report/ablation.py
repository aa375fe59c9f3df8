"""Rows that differ from a full method in their settings: what each setting is worth."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from guided_imagination.config.tree import Method
from guided_imagination.report.summary import (
    BEST,
    SETTING,
    accuracy_text,
    blocks_of,
    largest_ratio,
    measured,
    paired,
    signed,
    varying,
)
from guided_imagination.report.table import Entry, Table, number

WORDS = (
    "Each row differs from the full method of its block in what is named; difference in percentage points at the same "
    "ratio, and the number of training runs per row."
)


def ablations(methods: Mapping[str, Method]) -> dict[str, dict[str, str]]:
    """By full method (the first guided row of a pipeline without settings of its own): its rows and their changes."""
    full: dict[str | None, str] = {}
    for name, row in methods.items():
        if row.guided and not row.settings and not row.recipe:
            full.setdefault(row.pipeline, name)
    found: dict[str, dict[str, str]] = {name: {} for name, row in methods.items() if full.get(row.pipeline) == name}
    for name, row in methods.items():
        if row.pipeline in full and full[row.pipeline] != name:
            found[full[row.pipeline]][name] = change(row)
    return {name: rows for name, rows in found.items() if rows}


def change(row: Method) -> str:
    """ "unguided, eps = 0.1": how a row differs from its full method."""
    return ", ".join([*([] if row.guided else ["unguided"]), *_settings(row.settings), *_settings(row.recipe)])


def _settings(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            lines += _settings(value, f"{prefix}{key}.")
        else:
            lines.append(f"{prefix}{key} = {value}")
    return lines


def ablation_table(summary: pd.DataFrame, methods: Mapping[str, Method]) -> Table:
    """Full methods and the rows that change one thing; no rows where nothing was varied."""
    shown = largest_ratio(summary)
    blocks = varying(shown, SETTING)
    body, used = [], []
    for block, rows in blocks_of(shown, blocks):
        by_method = rows.set_index("method")
        for full, varied in ablations(methods).items():
            present = [name for name in varied if name in by_method.index]
            if full not in by_method.index or not present:
                continue
            used += [full, *present]
            for name, text in {full: "full method", **{name: varied[name] for name in present}}.items():
                row = by_method.loc[name]
                difference = paired(row["by_draw"], by_method.loc[full, "by_draw"])
                body.append(
                    [
                        *(Entry(part) for part in (*block, name, text)),
                        Entry(accuracy_text(row["mean"], row["deviation"]), row["mean"], row["runs"]),
                        Entry("" if name == full or pd.isna(difference) else signed(difference), number(difference)),
                        Entry(str(int(row["repeats"])), float(row["repeats"])),
                    ]
                )
    header = [*blocks, "method", "change", "accuracy", "difference", "runs"]
    basis = shown[shown["method"].isin(used)].assign(gain=float("nan"))
    words = f"{measured(basis).removesuffix(BEST)}{WORDS}" if body else ""
    return Table("ablation", "What each part is worth", header, len(blocks) + 2, body, words)
