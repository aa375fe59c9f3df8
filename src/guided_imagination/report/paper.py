"""The figures that the paper reports, as tables of their own (paper.yml)."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import pandas as pd
import yaml

from guided_imagination.report.accuracy import layout
from guided_imagination.report.summary import BASE, times
from guided_imagination.report.table import Table

METHODS = [BASE, "cutout", "gridmask", "randaugment", "gif_mae", "gif_dalle", "sd_unperturbed", "gif_sd"]


def paper_accuracy(group: str) -> Table:
    """Datasets x methods of "natural" or "medical"; no rows for another group."""
    content = _content()["accuracy"]
    rows = content.get(group, {"datasets": []})
    lines = _lines(rows, "datasets", architecture=content["architecture"])
    title = f"The paper's figures: {group} datasets, ResNet-50"
    words = f"As reported in the paper's table; {content['note']}."
    return _table(lines, [], "dataset", f"paper_accuracy_{group}", title, words)


def paper_architectures() -> Table:
    """Architectures x methods on Cars."""
    rows = _content()["architectures"]
    lines = _lines({key: value for key, value in rows.items() if key not in ("dataset", "note")}, "architectures")
    lines["dataset"] = rows["dataset"]
    title = f"The paper's figures: architectures, on {rows['dataset']}"
    words = f"As reported in the paper's table: {rows['note']}."
    return _table(lines, [], "architecture", "paper_architectures", title, words)


def paper_efficiency() -> Table:
    """Ratios x methods on Cars, DTD and Pets."""
    content = {key: rows for key, rows in _content()["efficiency"].items() if key != "architecture"}
    lines = pd.concat([_lines(rows, "ratios").assign(dataset=dataset) for dataset, rows in content.items()])
    lines = lines.sort_values("ratio", kind="stable")
    lines["at"] = lines["ratio"].map(times)
    title = "The paper's figures: expansion ratios, ResNet-50"
    return _table(lines, ["dataset"], "at", "paper_efficiency", title, "Read off a figure of the paper.")


def _content() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(
        files("guided_imagination.report").joinpath("paper.yml").read_text("utf-8")
    )
    return content


def _lines(rows: Mapping[str, Sequence[Any]], column: str, **fixed: str) -> pd.DataFrame:
    """One line per method and value of `column` (a plural: its lines are named by the singular)."""
    name = column.removesuffix("s")
    lines = pd.DataFrame(
        [
            (method, key, mean)
            for method, means in rows.items()
            if method != column
            for key, mean in zip(rows[column], means, strict=True)
            if mean is not None
        ],
        columns=["method", name, "mean"],
    )
    return lines.assign(**fixed)


def _table(lines: pd.DataFrame, blocks: Sequence[str], column: str, name: str, title: str, words: str) -> Table:
    base = lines[lines["method"] == BASE].set_index([*blocks, column])["mean"]
    keys = [tuple(row) if blocks else row[0] for row in lines[[*blocks, column]].itertuples(index=False)]
    gains = [mean - base.get(key, float("nan")) for mean, key in zip(lines["mean"], keys, strict=True)]
    full = lines.assign(deviation=float("nan"), gain=gains, runs=[()] * len(lines))
    full["gain"] = full["gain"].where(full["method"] != BASE)
    source = f"{words} Source: {_content()['source']}. Not measured with this project."
    return layout(full, blocks, column, METHODS, name=name, title=title, words=source)
