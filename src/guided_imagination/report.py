"""From the tidy results to tables and pictures: every one a view of the same rows."""

from collections.abc import Sequence

import pandas as pd
from datasets import Dataset
from matplotlib.figure import Figure

from guided_imagination.store import Expansion

BASE = "original"


def paper_table(results: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Datasets as columns, methods as rows: "mean ± deviation (gain over the originals)", in percent.

    `results` has the columns of training.RESULT_COLUMNS with one recipe and ratio; several architectures
    are several columns of a dataset. The deviation is the sample standard deviation over seeds. A method
    without results is left out.
    """
    several = results["architecture"].nunique() > 1
    column = results["dataset"] + (" (" + results["architecture"] + ")" if several else "")
    accuracy = results.groupby(["method", column])["accuracy"].agg(["mean", "std"])

    def cell(method: str, column: str) -> str:
        if (method, column) not in accuracy.index:
            return ""
        mean, deviation = accuracy.loc[(method, column)]
        text = f"{mean:.1f}" if pd.isna(deviation) else f"{mean:.1f} ± {deviation:.1f}"
        if method == BASE or (BASE, column) not in accuracy.index:
            return text
        return f"{text} ({mean - accuracy.loc[(BASE, column), 'mean']:+.1f})"

    present = [method for method in methods if method in set(results["method"])]
    table = pd.DataFrame({name: [cell(method, name) for method in present] for name in dict.fromkeys(column)})
    table.insert(0, "method", present)
    return table


def contact_sheet(seeds: Dataset, expanded: Expansion, rows: int, title: str) -> Figure:
    """A grid: a seed of each of `rows` different classes in turn, and its variants beside it."""
    names = seeds.features["label"].names
    by_label: dict[int, list[int]] = {}
    for index, label in enumerate(seeds["label"]):
        by_label.setdefault(label, []).append(index)
    rounds = zip(*(members for members in by_label.values()), strict=False)
    shown = [index for members in rounds for index in members][:rows]
    lines = []
    for index in shown:
        seed = seeds[index]
        lines.append((names[seed["label"]], [seed["image"], *expanded.of_seed(seed["id"])["image"]]))
    columns = max(len(images) for _, images in lines)
    figure = Figure(figsize=(1.1 * columns + 1.2, 1.1 * len(lines) + 0.6), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(len(lines), columns, squeeze=False)
    for line, (name, images) in zip(grid, lines, strict=True):
        for axis in line:
            axis.axis("off")
        for axis, image in zip(line, images, strict=False):
            axis.imshow(image, cmap="gray")
        line[0].set_title(name, fontsize=8)
    grid[0][0].set_title(f"seed\n{lines[0][0]}", fontsize=8)
    return figure
