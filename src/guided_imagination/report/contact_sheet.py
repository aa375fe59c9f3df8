"""Seeds and their variants to look at, with the criteria under each variant."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np
from datasets import Dataset
from PIL import Image

from guided_imagination.config.guidance import CRITERION_RANGES
from guided_imagination.imagination.criteria import CRITERIA
from guided_imagination.report.figures import GROUND, INK
from guided_imagination.report.sections import Picture
from guided_imagination.utils.figures import Figure, fitted

CELL, GAP, TEXT, HEAD = 1.0, 0.08, 0.16, 0.22  # inches: an image, between two, a line of text, one of the title
DPI = 100
POINTS, TITLE = 9, 11  # sizes of text: figures are 9 and 11 pixels high


def turns(labels: Sequence[int]) -> Iterator[int]:
    """Indices of `labels`, one of each class in turn until none is left."""
    members: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        members.setdefault(label, []).append(index)
    for round_ in zip_longest(*members.values()):
        yield from (index for index in round_ if index is not None)


class Variants(Protocol):
    """New images of seeds, whatever keeps them."""

    def of_seed(self, seed_id: str) -> Dataset:
        """The variants of one seed."""


def contact_sheet(seeds: Dataset, expanded: Variants, rows: int, columns: int, title: str) -> Figure:
    """`rows` seeds of the classes in turn, each with at most `columns` of its variants beside it.

    Under a variant stand the criteria that its expansion kept; a variant that was dropped stays blank.
    """
    names = seeds.features["label"].names
    shown = [index for index, _ in zip(turns(seeds["label"]), range(rows), strict=False)]
    lines = [(seeds[index], _variants(expanded, seeds[index]["id"], columns)) for index in shown]
    scored = any(criteria_text(variant) for _, variants in lines for variant in variants)
    sheet = _Sheet(len(lines), 1 + max((len(variants) for _, variants in lines), default=0), scored, title)
    for row, (seed, variants) in enumerate(lines):
        sheet.show(row, 0, seed["image"], fitted(names[seed["label"]], CELL, POINTS, sheet.lines))
        for column, variant in enumerate(variants, start=1):
            sheet.show(row, column, variant["image"], criteria_text(variant))
    return sheet.figure


class _Sheet:
    """A figure of equal places, placed by hand: a layout engine takes seconds for so many axes."""

    def __init__(self, rows: int, columns: int, scored: bool, title: str) -> None:
        self.lines = len(CRITERIA) if scored else 2
        self.line = CELL + TEXT * self.lines + GAP
        self.width = columns * (CELL + GAP) + GAP
        heading = fitted(title, self.width - GAP, TITLE, 3)
        head = HEAD * len(heading.splitlines()) + (GAP if title else 0)
        self.height = rows * self.line + GAP + head
        self.top = self.height - GAP - head
        self.figure = Figure(figsize=(self.width, self.height), facecolor=GROUND)
        if title:
            self.figure.text(GAP / self.width, 1 - GAP / self.height, heading, fontsize=TITLE, color=INK, va="top")

    def show(self, row: int, column: int, image: Image.Image, text: str) -> None:
        """The image at no more pixels than its place has; small ones keep their pixels."""
        left, bottom = GAP + column * (CELL + GAP), self.top - row * self.line - CELL
        place = (left / self.width, bottom / self.height, CELL / self.width, CELL / self.height)
        axes = self.figure.add_axes(place)
        axes.axis("off")
        small = image.convert("RGB")
        small.thumbnail((round(CELL * DPI), round(CELL * DPI)))
        axes.imshow(np.asarray(small), interpolation="nearest")
        axes.text(0, -0.03, text, fontsize=POINTS, color=INK, va="top", linespacing=1.15, transform=axes.transAxes)


def for_page(sheet: bytes, method: str) -> Picture:
    """A contact sheet (PNG) small enough to be carried inside a page."""
    file = BytesIO()
    Image.open(BytesIO(sheet)).convert("RGB").save(file, format="WEBP", quality=80, method=6)
    alt = f"Contact sheet of {method}: a seed image at the left of each row, its variants beside it."
    return Picture(file.getvalue(), "image/webp", alt, method)


def criteria_text(variant: dict[str, Any]) -> str:
    """ "con 0.91", "ent +0.12", "div 0.03", a line each; empty for an image that nobody scored."""
    scored = {name: criterion for name, criterion in CRITERIA.items() if variant.get(name) is not None}
    signs = {name: "+" if CRITERION_RANGES[name](2)[0] < 0 else "" for name in scored}
    return "\n".join(f"{scored[name].short} {variant[name]:{signs[name]}z.2f}" for name in scored)


def _variants(expanded: Variants, seed_id: str, columns: int) -> list[dict[str, Any]]:
    variants = expanded.of_seed(seed_id)
    return [variants[index] for index in range(min(columns, len(variants)))]
