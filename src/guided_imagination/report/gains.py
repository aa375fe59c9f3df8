"""Where the gain comes from: every row of one setting on a line of its own, with its draws or runs."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from guided_imagination.report.expansions import one_setting
from guided_imagination.report.figures import COLOURS, INK, new_figure, plain
from guided_imagination.report.summary import BASE, in_order, largest_ratio, setting_words
from guided_imagination.utils.figures import Figure, fitted

ROW_HEIGHT, WIDTH, LABEL, TITLE = 0.3, 8.0, 2.8, 4.5  # inches


def gain_figure(summary: pd.DataFrame, methods: Sequence[str], changes: Mapping[str, str]) -> Figure:
    """A panel per dataset: mean accuracy of each row, small dots for its draws, the originals as a dashed line.

    changes: what a row changes, by its name, in words. Rows stand in the order of `methods`, those of the full methods
    and baselines in another colour than the ablations.
    """
    shown = one_setting(largest_ratio(summary))
    panels = list(shown.groupby("dataset", sort=False))
    rows = sum(len(panel) for _, panel in panels)
    figure = new_figure(WIDTH, max(1.0, ROW_HEIGHT * rows + 0.9 * len(panels)))
    heights = [len(panel) + 2 for _, panel in panels]
    grid = figure.add_gridspec(max(1, len(panels)), 1, height_ratios=heights or None)
    for place, (_, panel) in enumerate(panels):
        axes = figure.add_subplot(grid[place, 0])
        axes.set_title(fitted(setting_words(panel)[0], TITLE, 9, 3), color=INK, fontsize=9, loc="left")
        _panel(axes, panel.set_index("method"), in_order(panel["method"], methods), changes)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, names: Sequence[str], changes: Mapping[str, str]) -> None:
    plain(axes)
    axes.grid(axis="y", visible=False)
    for height, name in enumerate(names):
        row = rows.loc[name]
        colour = COLOURS[0] if name in changes else COLOURS[1]
        draws = list(row["by_draw"].values())
        if len(draws) > 1:
            axes.plot(draws, [height] * len(draws), "o", color=colour, alpha=0.35, markersize=4, markeredgewidth=0)
        axes.plot(row["mean"], height, "|", color=colour, markersize=14, markeredgewidth=2.5)
    if BASE in names:
        axes.axvline(rows.loc[BASE, "mean"], color=INK, linestyle=(0, (4, 3)), linewidth=1)
    labels = [f"{name}: {changes[name]}" if changes.get(name) else name for name in names]
    axes.set_yticks(range(len(names)), [fitted(label, LABEL, 8, 2) for label in labels], fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("accuracy, percent", color=INK, fontsize=9)
