"""How figures look: on a ground of their own, so that they can be read on a light and on a dark page."""

from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
