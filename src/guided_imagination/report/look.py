"""New images to look at one by one on the page, where they can be marked as bad: which, and what is known of each."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any

import pyarrow.parquet as pq
from datasets import Dataset
from PIL import Image

from guided_imagination.config.guidance import CRITERION_RANGES
from guided_imagination.data.dataset import class_names
from guided_imagination.data.images import decode
from guided_imagination.expansion.store import Expansion

SIDE = 96  # pixels of a thumbnail, at most
QUALITY = 80  # of WebP
# What images can be sorted by, with its heading; the first is where a page begins.
FIGURES = {
    "label_probability": "label probability",
    "seed_similarity": "seed similarity",
    **{str(name): str(name) for name in CRITERION_RANGES},
}
COLUMNS = ["seed_id", "variant", "label", "prediction", *FIGURES]
Shown = dict[str, Any]


def look(seeds: Dataset, expanded: Mapping[str, Expansion], images: int, dataset: str, draw: int) -> dict[str, Any]:
    """What the page's script needs to show at most `images` of each expansion, by method, and to write a `WeedList`.

    What is weeded already begins as marked.
    """
    rows = [_row(method, expansion, images) for method, expansion in expanded.items()]
    wanted = {shown["seed_id"] for row in rows for shown in row["shown"]}
    return {
        "dataset": dataset,
        "draw": draw,
        "classes": class_names(seeds),
        "figures": [{"name": name, "title": title} for name, title in FIGURES.items()],
        "rows": [row for row in rows if row["images"]],
        "seeds": {seed: thumbnail(seeds[row]["image"]) for row, seed in enumerate(seeds["id"]) if seed in wanted},
    }


def worth_looking_at(rows: Sequence[Shown], weeded: frozenset[tuple[str, int]], images: int) -> list[Shown]:
    """At most `images` rows, in their order: those that are weeded, then those whose class the guide doubts most; where
    no guide looked, the first."""

    def doubt(number: int) -> tuple[bool, float]:
        row = rows[number]
        probability = row["label_probability"]
        return (row["seed_id"], row["variant"]) not in weeded, 1 if probability is None else probability

    return [rows[number] for number in sorted(sorted(range(len(rows)), key=doubt)[:images])]


def thumbnail(image: Image.Image) -> str:
    """The image as an address, of at most SIDE pixels; small ones keep their pixels."""
    small, file = image.convert("RGB"), BytesIO()
    small.thumbnail((SIDE, SIDE))
    small.save(file, format="WEBP", quality=QUALITY, method=6)
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode()}"


def _row(method: str, expanded: Expansion, images: int) -> dict[str, Any]:
    whole = Expansion(expanded.folder)
    every = [
        {**row, "place": (file, number)}
        for file, table in zip(whole.files, whole.tables(COLUMNS), strict=True)
        for number, row in enumerate(table.to_pylist())
    ]
    shown = worth_looking_at(every, expanded.weeded, images)
    for file, group in groupby(shown, key=lambda row: row["place"][0]):
        stored = pq.read_table(file, columns=["image"])["image"]  # one shard is in memory
        for row in group:
            row["image"] = thumbnail(decode(stored[row.pop("place")[1]]["bytes"].as_py()))
    return {
        "method": method,
        "images": len(every),
        "checksum": whole.checksum,
        "state": expanded.checksum,  # marks are remembered for it
        "weeded": [list(image) for image in sorted(expanded.weeded)],
        "shown": [
            {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}
            for row in shown
        ],
    }
