"""How fast a machine does each stage: measured, or read from a table that was measured elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import cast

import pandas as pd

from guided_imagination.report.planning.work import UNITS, Stage, Work
from guided_imagination.utils.errors import InputError

COLUMNS = ["dataset", "stage", "name", "unit", "start_seconds", "unit_seconds", "start_bytes", "unit_bytes"]
ANY = "*"  # in place of a dataset


@dataclass(frozen=True)
class Speed:
    """Seconds of one worker, and bytes that are kept: to start a part of the work, and per unit."""

    start_seconds: float
    unit_seconds: float
    start_bytes: float = 0.0
    unit_bytes: float = 0.0


def mean(speeds: Sequence[Speed]) -> Speed:
    """Number by number."""
    rows = [astuple(speed) for speed in speeds]
    return Speed(*(sum(values) / len(rows) for values in zip(*rows, strict=True)))


Speeds = Mapping[tuple[str, str, str], Speed]  # by dataset, stage and name


def to_table(speeds: Speeds) -> pd.DataFrame:
    """A row of COLUMNS for each."""
    rows = [
        {"dataset": dataset, "stage": stage, "name": name, "unit": UNITS[cast("Stage", stage)], **asdict(speed)}
        for (dataset, stage, name), speed in speeds.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def read(path: Path) -> Speeds:
    """Speeds from a CSV file with COLUMNS, of which `unit` and what is counted in bytes may be missing.

    Raises InputError for a file that is missing, has other columns, or numbers that are none or negative.
    """
    try:
        table = pd.read_csv(path, dtype={"dataset": str, "stage": str, "name": str})
    except (OSError, ValueError) as error:
        raise InputError(f"plan.speeds: cannot read {path}: {error}") from error
    needed = ["dataset", "stage", "name", "start_seconds", "unit_seconds"]
    unknown = [name for name in table if name not in COLUMNS]
    if missing := [name for name in needed if name not in table]:
        raise InputError(f"plan.speeds: {path} has no column {missing[0]}; needed: {', '.join(needed)}")
    if unknown:
        raise InputError(f"plan.speeds: {path} has a column {unknown[0]}; known: {', '.join(COLUMNS)}")
    numbers = [name for name in COLUMNS[4:] if name in table]
    speeds = {}
    for line, row in enumerate(table.to_dict("records"), start=2):
        if row["stage"] not in UNITS:
            raise InputError(f"plan.speeds: {path}, line {line}: no stage {row['stage']!r}; known: {', '.join(UNITS)}")
        values = {name: float(pd.to_numeric(row[name], errors="coerce")) for name in numbers}
        wrong = [name for name, value in values.items() if not 0 <= value < float("inf")]
        if wrong:
            raise InputError(f"plan.speeds: {path}, line {line}: {wrong[0]} is {row[wrong[0]]}, not a number from 0")
        speeds[row["dataset"], row["stage"], row["name"]] = Speed(**values)
    return speeds


def speed_of(work: Work, dataset: str, speeds: Speeds) -> Speed:
    """That of the dataset, or of any. Raises InputError if there is none."""
    for name in (dataset, ANY):
        if (name, work.stage, work.name) in speeds:
            return speeds[name, work.stage, work.name]
    raise InputError(
        f"plan.speeds: no row with dataset {dataset} (or {ANY}), stage {work.stage}, name {work.name}: add one, "
        "or set plan.speeds to null to measure here"
    )
