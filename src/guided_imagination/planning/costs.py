"""The product of work and speeds: hours, disk and money, per dataset, row and stage."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from guided_imagination.planning.work import UNITS, Work
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.markdown import escaped

KEY = ["dataset", "stage", "name"]
NUMBERS = ["start_seconds", "unit_seconds", "start_bytes", "unit_bytes"]
COLUMNS = ["dataset", "row", "stage", "name", "unit", "units", "worker_hours", "wall_hours", "gigabytes", "price"]
ANY = "*"  # in place of a dataset


@dataclass(frozen=True)
class Speed:
    """Seconds of one worker, and bytes that are kept: to start a part of the work, and per unit."""

    start_seconds: float
    unit_seconds: float
    start_bytes: float = 0.0
    unit_bytes: float = 0.0


def to_table(speeds: Mapping[tuple[str, str, str], Speed]) -> pd.DataFrame:
    """Speeds by dataset, stage and name, as a table that `read` takes."""
    rows = [[*key, UNITS[key[1]], *astuple(speed)] for key, speed in speeds.items()]
    return pd.DataFrame(rows, columns=[*KEY, "unit", *NUMBERS])


def read(path: Path) -> pd.DataFrame:
    """Speeds from a CSV file, in which `unit` and what is counted in bytes may be missing.

    Raises InputError for a file that is missing, has other columns, or numbers that are none or negative.
    """
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(KEY, str))
    except (OSError, ValueError) as error:
        raise InputError(f"plan.speeds: cannot read {path}: {error}") from error
    needed, known = [*KEY, *NUMBERS[:2]], [*KEY, "unit", *NUMBERS]
    if missing := [name for name in needed if name not in table]:
        raise InputError(f"plan.speeds: {path} has no column {missing[0]}; needed: {', '.join(needed)}")
    if unknown := [name for name in table if name not in known]:
        raise InputError(f"plan.speeds: {path} has a column {unknown[0]}; known: {', '.join(known)}")
    for line, row in enumerate(table.to_dict("records"), start=2):
        if row["stage"] not in UNITS:
            raise InputError(f"plan.speeds: {path}, line {line}: no stage {row['stage']!r}; known: {', '.join(UNITS)}")
        for name in NUMBERS:
            if name in row and not 0 <= pd.to_numeric(row[name], errors="coerce") < float("inf"):
                raise InputError(f"plan.speeds: {path}, line {line}: {name} is {row[name]}, not a number from 0")
    return table.reindex(columns=known, fill_value=0).drop_duplicates(KEY, keep="last")


def forecast(work: Sequence[Work], speeds: pd.DataFrame, workers: int, price: float | None) -> pd.DataFrame:
    """A row of COLUMNS for each work, done by so many workers, of which an hour costs `price`.

    Workers share the parts of a work, and all trainings of all rows. The start of an expansion is that of each worker,
    who loads its models; that of another work is its parts'. A speed is that of the dataset, else of any. Raises
    InputError if there is none.
    """
    adapted = [one.name if one.stage == "adapt" else one.row.method for one in work]
    lines = [
        [one.row.place, one.row.dataset, row, one.stage, one.name, UNITS[one.stage], one.parts, one.units]
        for one, row in zip(work, adapted, strict=True)
    ]
    table = pd.DataFrame(lines, columns=["place", "dataset", "row", "stage", "name", "unit", "parts", "units"])
    own = table.merge(speeds[KEY + NUMBERS], how="left", on=KEY)[NUMBERS]
    of_any = speeds.loc[speeds["dataset"] == ANY, [*KEY[1:], *NUMBERS]]
    speed = own.fillna(table.merge(of_any, how="left", on=KEY[1:])[NUMBERS])
    for one in table[speed["unit_seconds"].isna()].itertuples():
        raise InputError(
            f"plan.speeds: no row with dataset {one.dataset} (or {ANY}), stage {one.stage}, name {one.name}: add one, "
            "or set plan.speeds to null to measure here"
        )
    parts, stages = table["parts"], table["stage"]
    cells = parts[stages == "train"].sum()
    sharing = parts.mask(stages.isin(["train", "evaluate"]), cells).clip(upper=workers)
    starts, units = parts.mask(stages == "expand", sharing), table["units"]
    hours = (starts * speed["start_seconds"] + units * speed["unit_seconds"]) / 3600
    size = parts * speed["start_bytes"] + units * speed["unit_bytes"]
    cost = np.nan if price is None else price * hours
    found = table.assign(
        dataset=table["place"], worker_hours=hours, wall_hours=hours / sharing, gigabytes=size / 1e9, price=cost
    )
    return found[COLUMNS]


def markdown(table: pd.DataFrame, workers: int, models: Mapping[str, float | None], scratch: float) -> str:
    """Per dataset and stage, and what comes on top: for people.

    models: gigabytes of each that has to be downloaded, None where nobody has written down how many; scratch: bytes of
    the decoded images of the largest row, which are there while it trains.
    """
    datasets, stages = list(table["dataset"].unique()), list(UNITS)
    shown = table.groupby(["dataset", "stage", "unit"], as_index=False).sum(numeric_only=True)
    shown = shown.sort_values(["dataset", "stage"], key=lambda names: names.map([*datasets, *stages].index))
    total = {"dataset": "all", "stage": "", "unit": "", **table.sum(numeric_only=True)}
    shown = pd.concat([shown, pd.DataFrame([total])])
    cells = pd.DataFrame(
        {
            "dataset": shown["dataset"].map(escaped),
            "stage": shown["stage"],
            "amount": [f"{row.units:,.0f} {row.unit}" if row.unit else "" for row in shown.itertuples()],
            "one worker": shown["worker_hours"].map(duration),
            f"{workers} workers" if workers > 1 else "in all": shown["wall_hours"].map(duration),
            "GB": shown["gigabytes"].map("{:,.2f}".format),
        }
    )
    if table["price"].notna().any():
        cells["price"] = shown["price"].map("{:,.2f}".format)
    align = ["left", "left", *["right"] * (len(cells.columns) - 2)]
    made = table.loc[table["stage"] == "expand", "units"].sum()
    told = {name: "of unknown size" if size is None else f"{size:.2f}" for name, size in models.items()}
    sizes = ", ".join(f"{escaped(name)} {size}" for name, size in told.items())
    download = f"Models to download first: {sum(size or 0 for size in models.values()):.1f} GB ({sizes})."
    return (
        f"{cells.to_markdown(index=False, disable_numparse=True, colalign=align)}\n\n{made:,} new images in all. "
        f"While a row trains, its decoded images take up to {scratch / 1e9:,.2f} GB more.\n"
        f"{download if models else 'All models are on this machine.'}"
    )


def duration(hours: float) -> str:
    """In the unit that people would name it by."""
    for unit, size in (("h", 1.0), ("min", 60.0)):
        if hours * size >= 1:
            return f"{hours * size:,.1f} {unit}"
    return f"{hours * 3600:.1f} s"
