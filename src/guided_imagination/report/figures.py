"""How figures look: on a ground of their own, so that they can be read on a light and on a dark page."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes

from guided_imagination.report.efficiency import curves
from guided_imagination.report.expansions import one_setting
from guided_imagination.report.summary import BASE, SETTING, in_order, largest_ratio, setting_words, times, varying
from guided_imagination.utils.figures import Figure, fitted

GROUND, INK, FAINT = "#fcfcfb", "#1f2430", "#d9dce3"
# Okabe and Ito's colours, which colour-blind people can tell apart, without their yellow and black,
# and Tol's indigo.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#332288", "#7a7a7a"]
MARKERS = ["o", "s", "D", "^", "v", "P", "X", "*"]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure; sides in inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor=GROUND)


def plain(axes: Axes) -> None:
    """Only the lines that help reading."""
    axes.set_facecolor(GROUND)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)


def spread(positions: list[float], gap: float) -> list[float]:
    """`positions` moved as little as it takes for labels there to be `gap` apart, in the same order."""
    order = sorted(range(len(positions)), key=positions.__getitem__)
    moved = list(positions)
    for _ in range(len(order) ** 2):
        for low, high in pairwise(order):
            overlap = gap - (moved[high] - moved[low])
            if overlap > 1e-9:
                moved[low] -= overlap / 2
                moved[high] += overlap / 2
    return moved


PANELS_PER_ROW, LABEL_GAP = 2, 0.055  # a label's height as a share of the axis
TITLE, NAME = 5.6, 1.8  # inches: at most


def efficiency_figure(summary: pd.DataFrame, methods: Sequence[str]) -> Figure:
    """A panel per setting; bars are sample standard deviations, the dashed line the originals.

    A panel says so where no method was measured at two ratios.
    """
    shown = curves(summary)
    panels = list(shown.groupby(SETTING, sort=False))
    if not panels:
        figure = new_figure(5, 1)
        figure.text(0.5, 0.5, "No method was measured at two ratios.", ha="center", va="center", color=INK)
        return figure
    wide = min(len(panels), PANELS_PER_ROW)
    figure = new_figure(6.4 * wide, 4.2 * -(-len(panels) // wide))
    several = varying(shown, SETTING[1:])
    for place, ((dataset, *_), rows) in enumerate(panels):
        axes = figure.add_subplot(-(-len(panels) // wide), wide, place + 1)
        notes = ", ".join(filter(None, rows[several].iloc[0]))
        title = f"{dataset} ({notes})" if notes else dataset
        axes.set_title(fitted(title, TITLE, 11, 2), color=INK, fontsize=11, loc="left")
        _panel(axes, rows, methods)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, methods: Sequence[str]) -> None:
    plain(axes)
    ends: list[tuple[str, float, str]] = []
    lines = in_order(rows.loc[rows["ratio"] > 0, "method"], [name for name in methods if name != BASE])
    last = rows["ratio"].max()
    for index, name in enumerate(lines):
        line = rows[rows["method"] == name].sort_values("ratio")
        colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        axes.errorbar(
            line["ratio"],
            line["mean"],
            yerr=line["deviation"].fillna(0),
            color=colour,
            marker=marker,
            markersize=5,
            linewidth=1.8,
            elinewidth=0.8,
            capsize=2,
            label=name,
        )
        ends.append((name, line["mean"].iloc[-1], colour))
    for _, base in rows[rows["method"] == BASE].iterrows():
        axes.axhline(base["mean"], color=INK, linestyle=(0, (4, 3)), linewidth=1)
        ends.append((BASE, base["mean"], INK))
    _label(axes, ends, last)
    axes.set_xscale("log")
    ratios = sorted(set(rows.loc[rows["ratio"] > 0, "ratio"]))
    axes.set_xticks(ratios, [times(int(ratio)) for ratio in ratios])
    axes.minorticks_off()
    axes.set_xlabel("new images per seed image", color=INK, fontsize=9)
    axes.set_ylabel("accuracy, percent", color=INK, fontsize=9)


def _label(axes: Axes, ends: list[tuple[str, float, str]], last: float) -> None:
    """Names at the ends of their lines, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    places = spread([end for _, end, _ in ends], LABEL_GAP * (high - low))
    for (name, end, colour), place in zip(ends, places, strict=True):
        axes.annotate(
            fitted(name, NAME, 9, 1),
            (last, end),
            xytext=(1.03, (place - low) / (high - low)),
            textcoords="axes fraction",
            color=colour,
            fontsize=9,
            va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3},
            bbox={"facecolor": GROUND, "edgecolor": "none", "pad": 0.5},
        )


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
        _row_panel(axes, panel.set_index("method"), in_order(panel["method"], methods), changes)
    return figure


def _row_panel(axes: Axes, rows: pd.DataFrame, names: Sequence[str], changes: Mapping[str, str]) -> None:
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
