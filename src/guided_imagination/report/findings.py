"""What was found on one dataset or on several: all that the report's tables, figures and page are made of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from guided_imagination.report.confusion import Confusion
from guided_imagination.training.cells import ORIGIN_COLUMNS
from guided_imagination.training.grid import Cell
from guided_imagination.utils.files import read_json

Notes = dict[str, list[int]]  # sentences, with the draws that each is of; none where it is of all


@dataclass(frozen=True)
class Findings:
    """Tidy tables, each with a column `dataset`; confusions, notes and looks are by dataset.

    results: a row per training; intervals: of `differences`; advice: of `advice`; speeds: of `costs`; audits:
    `audit.COLUMNS`, means over the draws; failures: errors by the cells that ended with them; notes: what `ingest` has
    said of copies; looks: what the page shows image by image, of `look`.
    """

    results: pd.DataFrame
    intervals: pd.DataFrame
    advice: pd.DataFrame
    speeds: pd.DataFrame
    audits: pd.DataFrame
    confusions: dict[str, Confusion]
    failures: dict[str, str]
    notes: dict[str, Notes]
    looks: dict[str, dict[str, Any]]

    @classmethod
    def joined(cls, parts: Iterable["Findings"]) -> "Findings":
        """Those of several datasets as one."""
        several = [vars(part) for part in parts]
        return cls(**{name: _joined([part[name] for part in several]) for name in several[0]})


def _joined(values: Sequence[Any]) -> Any:
    if isinstance(values[0], pd.DataFrame):
        return pd.concat(values, ignore_index=True)
    return {key: value for each in values for key, value in each.items()}


def noted(manifests: Iterable[Mapping[str, Any]]) -> Notes:
    """What the manifests of `ingest`, one per draw, say of copies among the images."""
    every, draws = list(manifests), Notes()
    for manifest in every:
        for note in manifest.get("notes", []):  # older ones have none
            draws.setdefault(note["said"], []).append(manifest["draw"])
    return {said: of if len(of) < len(every) else [] for said, of in draws.items()}


def mean_audits(tables: Iterable[pd.DataFrame], dataset: str) -> pd.DataFrame:
    """The audits of several draws of a dataset as one."""
    return pd.concat(tables).groupby("method", sort=False, as_index=False).mean().assign(dataset=dataset)


def predictions(models: Path, row: Mapping[str, Any]) -> pd.DataFrame | None:
    """What the classifier of a row of `results` says of each measured image: label, prediction, correct.

    None where that is not kept below `models`, or is of a later training, which the table does not have yet.
    """
    folder = Cell(**{name: row[name] for name in Cell.__dataclass_fields__}).folder(models)
    if not (folder / "predictions.parquet").exists():
        return None
    made = read_json(folder / "result.json")
    told = [name for name in ORIGIN_COLUMNS if name in made and pd.notna(row.get(name))]  # older ones tell less
    if any(made[name] != row[name] for name in told) or not isclose(made["accuracy"], row["accuracy"]):
        return None
    return pd.read_parquet(folder / "predictions.parquet", columns=["label", "prediction", "correct"])


def correct(models: Path, row: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """Whether each of those images is classified right."""
    found = predictions(models, row)
    return None if found is None else found["correct"].to_numpy()
