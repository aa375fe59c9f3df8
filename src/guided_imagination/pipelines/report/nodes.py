"""Nodes of `report`."""

import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from datasets import Dataset
from matplotlib.figure import Figure

from guided_imagination.config import Methods, ReportConfig
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines import tracking
from guided_imagination.report import views
from guided_imagination.report.accuracy import accuracy_table
from guided_imagination.report.contact_sheet import contact_sheet, for_page
from guided_imagination.report.differences import difference_table, differences
from guided_imagination.report.expansions import costs, kept_by_class, kept_words, pooled
from guided_imagination.report.page import Tracking, render
from guided_imagination.report.sections import Picture, sections
from guided_imagination.report.summary import summarise, with_references
from guided_imagination.report.table import Table, failure_table
from guided_imagination.training.cells import Cell

logger = logging.getLogger(__name__)
Samples = dict[str, list[dict[str, str]]]


def collect(
    speeds: pd.DataFrame, *rows: pd.DataFrame, methods: list[str], changed: list[str], dataset: str
) -> tuple[pd.DataFrame, Table]:
    """The tidy table of one dataset's cells, and its paper-shaped one; also printed.

    `changed` are the methods that change their recipe themselves.
    """
    results = pd.concat(rows, ignore_index=True)
    trained = summarise(results[results["method"].isin(methods)], changed)
    shown = with_references(trained, summarise(results), methods)
    kept = kept_words(speeds, [dataset])
    table = accuracy_table(shown, methods, name=dataset, title=dataset, kept=kept)
    logger.info("%s:\n\n%s\n", dataset, table.markdown())
    tracking.log_table(results, f"results_{dataset}")
    return results, table


def compare(results: pd.DataFrame, config: ReportConfig, models: str, *, changed: list[str]) -> pd.DataFrame:
    """Differences of pairs of rows with their intervals, from the predictions kept beside the classifiers."""
    return differences(results, config.compare, _correct(Path(models)), changed)


def _correct(models: Path) -> Callable[[dict[str, Any]], "np.ndarray[Any, Any] | None"]:
    def read(row: dict[str, Any]) -> "np.ndarray[Any, Any] | None":
        cell = Cell(**{name: row[name] for name in Cell.__dataclass_fields__})
        path = cell.folder(models) / "predictions.parquet"
        return pd.read_parquet(path, columns=["correct"])["correct"].to_numpy() if path.exists() else None

    return read


def speeds(*expanded: Expansion, dataset: str, methods: list[str]) -> pd.DataFrame:
    """How fast each method made its images, and how many were kept; `methods` names each expansion, draw by draw."""
    manifests: dict[str, list[dict[str, Any]]] = {}
    kept: dict[str, Counter[str]] = {}
    for name, expansion in zip(methods, expanded, strict=True):
        manifests.setdefault(name, []).append(expansion.manifest)
        kept.setdefault(name, Counter()).update(kept_by_class(expansion))
    return costs(dataset, {name: pooled(found) for name, found in manifests.items()}, kept)


def draw_contact_sheet(seeds: Dataset, expanded: Expansion, config: ReportConfig, *, title: str) -> Figure:
    """Seeds and their variants to look at."""
    expanded.check_made_of(seeds)
    return contact_sheet(seeds, expanded, config.contact_seeds, config.contact_variants, title)


def sample(*sheets: bytes, methods: list[str]) -> list[dict[str, str]]:
    """The contact sheets of a dataset as the page carries them."""
    return [for_page(sheet, method).to_json() for sheet, method in zip(sheets, methods, strict=True)]


def gather(
    results: pd.DataFrame,
    intervals: pd.DataFrame,
    speeds: pd.DataFrame,
    samples: list[dict[str, str]],
    *rest: Any,
    dataset: str,
    draws: int,
) -> dict[str, Any]:
    """All that one dataset hands to the tables and the page over all datasets.

    `rest` are the audits of its `draws`, whose means are shown, then the failures of each row.
    """
    audited, failures = rest[:draws], rest[draws:]
    audits = pd.concat(audited).groupby("method", sort=False, as_index=False).mean().assign(dataset=dataset)
    tables = {"results": results, "intervals": intervals, "speeds": speeds, "audits": audits}
    failed = {cell: error for row in failures for cell, error in row.items()}
    return {
        "samples": samples,
        "failures": failed,
        **{name: table.to_dict(orient="split") for name, table in tables.items()},
    }


def merge(
    *findings: dict[str, Any], datasets: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, Samples, dict[str, str]]:
    """The tidy tables over all datasets, samples by dataset, and cells that failed."""
    results, intervals, speeds, audits = (
        pd.concat([pd.DataFrame(**found[name]) for found in findings], ignore_index=True)
        for name in ("results", "intervals", "speeds", "audits")
    )
    tracking.log_table(results, "results")
    samples = {name: found["samples"] for name, found in zip(datasets, findings, strict=True)}
    failures = {cell: error for found in findings for cell, error in found["failures"].items()}
    return results, intervals, speeds, audits, samples, failures


def accuracy(
    results: pd.DataFrame, speeds: pd.DataFrame, methods: Methods, config: ReportConfig, *, group: str
) -> Table:
    """Datasets of one group x methods."""
    return _shown(views.accuracy(results, speeds, methods, config, group))


def efficiency(results: pd.DataFrame, methods: Methods) -> tuple[Figure, Table, Table]:
    """Accuracy against ratio: the figure, its table, and which ratio equals which."""
    curve, readings = views.efficiency_tables(results, methods)
    return views.efficiency_curves(results, methods), _shown(curve), _shown(readings)


def architectures(results: pd.DataFrame, methods: Methods) -> Table:
    """Architectures x methods."""
    return _shown(views.architectures(results, methods))


def ablation(results: pd.DataFrame, methods: Methods) -> tuple[Figure, Table]:
    """What each part of a full method is worth: the figure and its table."""
    return views.gains(results, methods), _shown(views.ablation(results, methods))


def difference(intervals: pd.DataFrame) -> Table:
    """Paired differences."""
    return _shown(difference_table(intervals))


def audit(results: pd.DataFrame, audits: pd.DataFrame, methods: Methods) -> Table:
    """What CLIP sees in the expansions, beside accuracy."""
    return _shown(views.audited(results, audits, methods))


def cost(speeds: pd.DataFrame, methods: Methods, config: ReportConfig) -> Table:
    """Seconds and money per 1,000 images."""
    return _shown(views.cost(speeds, methods, config))


def page(
    config: ReportConfig,
    curves: bytes,
    gains: bytes,
    samples: Samples,
    failures: dict[str, str],
    *tables: Table,
    groups: list[str],
) -> str:
    """Everything on one HTML page."""
    run = mlflow.active_run()
    where = Tracking(config.tracking_url.rstrip("/"), run.info.experiment_id if run else None)
    pictures = {name: [Picture.from_json(picture) for picture in found] for name, found in samples.items()}
    named = {table.name: table for table in (*tables, failure_table(failures))}
    parts = sections(named, groups, curves, gains, pictures)
    return render(parts, "Guided Imagination: what was measured", where, run.info.run_id if run else None)


def _shown(table: Table) -> Table:
    """`table`, in MLflow's UI too if it has rows."""
    if table:
        tracking.log_table(table.frame(), table.name)
    return table
