"""The product of work and speeds: hours, disk and money, per dataset, row and stage."""

from collections.abc import Mapping, Sequence

import pandas as pd

from guided_imagination.report.planning.speeds import Speed
from guided_imagination.report.planning.work import TRAINING, UNITS, Work
from guided_imagination.utils.markdown import escaped

COLUMNS = ["dataset", "row", "stage", "name", "unit", "units", "worker_hours", "wall_hours", "gigabytes", "price"]


def forecast(work: Sequence[tuple[Work, Speed]], workers: int, price: float | None) -> pd.DataFrame:
    """A row of COLUMNS for each work, done by so many workers, of which an hour costs `price`.

    Workers share the parts of a work, and all trainings of all rows. The start of an expansion is that of each worker,
    who loads its models; that of another work is its parts'.
    """
    cells = sum(one.parts for one, _ in work if one.stage == "train")
    rows = []
    for one, speed in work:
        sharing = min(workers, cells if one.stage in TRAINING else one.parts)
        starts = sharing if one.stage == "expand" else one.parts
        seconds = starts * speed.start_seconds + one.units * speed.unit_seconds
        size = one.parts * speed.start_bytes + one.units * speed.unit_bytes
        hours = seconds / 3600
        cost = None if price is None else price * hours
        named = (one.place, one.row, one.stage, one.name, UNITS[one.stage], one.units)
        rows.append([*named, hours, hours / sharing, size / 1e9, cost])
    return pd.DataFrame(rows, columns=COLUMNS)


def markdown(table: pd.DataFrame, workers: int, models: Mapping[str, float | None], scratch: float) -> str:
    """Per dataset and stage, and what comes on top: for people.

    models: gigabytes of each that has to be downloaded, None where nobody has written down how many; scratch: bytes of
    the decoded images of the largest row, which are there while it trains.
    """
    stages = list(UNITS)
    grouped = table.groupby(["dataset", "stage", "unit"], sort=False, as_index=False).sum(numeric_only=True)
    ordered = grouped.sort_values("stage", key=lambda names: names.map(stages.index), kind="stable")
    ordered = pd.concat([ordered[ordered["dataset"] == dataset] for dataset in table["dataset"].unique()])
    total = {**table.sum(numeric_only=True).to_dict(), "dataset": "all", "stage": "", "unit": "", "units": None}
    shown = pd.concat([ordered, pd.DataFrame([total])])
    wall = f"{workers} workers" if workers > 1 else "in all"
    cells = pd.DataFrame(
        {
            "dataset": shown["dataset"].map(escaped),
            "stage": shown["stage"],
            "amount": [f"{row.units:,.0f} {row.unit}" if row.unit else "" for row in shown.itertuples()],
            "one worker": shown["worker_hours"].map(duration),
            wall: shown["wall_hours"].map(duration),
            "GB": shown["gigabytes"].map("{:,.2f}".format),
        }
    )
    if table["price"].notna().any():
        cells["price"] = shown["price"].map("{:,.2f}".format)
    align = ["left", "left", *["right"] * (len(cells.columns) - 2)]
    made = table.loc[table["stage"] == "expand", "units"].sum()
    lines = [
        cells.to_markdown(index=False, disable_numparse=True, colalign=align),
        "",
        f"{made:,} new images in all. While a row trains, its decoded images take up to {scratch / 1e9:,.2f} GB more.",
        _downloads(models),
    ]
    return "\n".join(lines)


def duration(hours: float) -> str:
    """In the unit that people would name it by."""
    for unit, size in (("h", 1.0), ("min", 60.0)):
        if hours * size >= 1:
            return f"{hours * size:,.1f} {unit}"
    return f"{hours * 3600:.1f} s"


def _downloads(models: Mapping[str, float | None]) -> str:
    if not models:
        return "All models are on this machine."
    known = [size for size in models.values() if size is not None]
    unknown = [escaped(name) for name, size in models.items() if size is None]
    listed = ", ".join(f"{escaped(name)} {size:.2f}" for name, size in models.items() if size is not None)
    asked = f"; of unknown size: {', '.join(unknown)}" if unknown else ""
    return f"Models to download first: {sum(known):.1f} GB ({listed}{asked})."
