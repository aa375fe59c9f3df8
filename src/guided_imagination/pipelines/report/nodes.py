"""Nodes of `report`."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from math import isclose
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from datasets import Dataset

from guided_imagination.config.report import ReportConfig
from guided_imagination.config.rows import DatasetSettings
from guided_imagination.config.tree import Methods
from guided_imagination.data.dataset import class_names
from guided_imagination.expansion.store import Expansion
from guided_imagination.expansion.weeding import weeded
from guided_imagination.pipelines import tracking
from guided_imagination.report import views
from guided_imagination.report.accuracy import accuracy_table
from guided_imagination.report.confusion import Confusion, class_table, confusion, confusion_figure
from guided_imagination.report.contact_sheet import contact_sheet, for_page
from guided_imagination.report.differences import difference_table, differences
from guided_imagination.report.expansions import costs, kept_by_class, kept_words, pooled
from guided_imagination.report.look import look
from guided_imagination.report.page import Tracking, render
from guided_imagination.report.sections import Picture, sections
from guided_imagination.report.summary import note_words, summarise, with_references
from guided_imagination.report.table import Table, failure_table
from guided_imagination.training.cells import ORIGIN_COLUMNS
from guided_imagination.training.grid import Cell
from guided_imagination.utils.figures import Figure
from guided_imagination.utils.files import read_json

Samples = dict[str, list[dict[str, str]]]


def collect(
    speeds: pd.DataFrame, *rest: Any, methods: list[str], changed: list[str], dataset: str, draws: int
) -> tuple[pd.DataFrame, Table, dict[str, list[int]]]:
    """The tidy table of one dataset's cells, its paper-shaped one, which the run ends with (hooks.py), and what that
    says of copies.

    `rest` are the manifests of its `draws` by `ingest`, then the results of each row. `changed` are the methods that
    change their recipe themselves.
    """
    notes, rows = _noted(rest[:draws]), rest[draws:]
    results = pd.concat(rows, ignore_index=True)
    trained = summarise(results[results["method"].isin(methods)], changed)
    shown = with_references(trained, summarise(results), methods)
    words = f"{kept_words(speeds, [dataset])} {note_words({dataset: notes}, [dataset])}".strip()
    table = accuracy_table(shown, methods, name=dataset, title=dataset, kept=words)
    tracking.log_table(results, f"results_{dataset}")
    return results, table, notes


def _noted(manifests: Sequence[dict[str, Any]]) -> dict[str, list[int]]:
    """What `ingest` has said about copies among the images, and of which draws; [] of all of them."""
    draws: dict[str, list[int]] = {}
    for manifest in manifests:
        for note in manifest.get("notes", []):  # older ones have none
            draws.setdefault(note["said"], []).append(manifest["draw"])
    return {said: of if len(of) < len(manifests) else [] for said, of in draws.items()}


def compare(results: pd.DataFrame, config: ReportConfig, models: str, *, changed: list[str]) -> pd.DataFrame:
    """Differences of pairs of rows with their intervals, from the predictions kept beside the classifiers."""
    return differences(results, config.compare, _correct(Path(models)), changed)


def confuse(
    results: pd.DataFrame, seeds: Dataset, config: ReportConfig, models: str, *, dataset: str, changed: list[str]
) -> dict[str, Any]:
    """What the first pair of rows to compare takes for what, from the same predictions; empty without such a pair."""
    pairs = [pair for pair in config.compare if set(pair) <= set(results["method"])]
    read = partial(_predictions, Path(models), ["label", "prediction"])
    found = confusion(results, pairs[0], read, dataset, class_names(seeds), changed) if pairs else None
    return found.to_json() if found else {}


def _correct(models: Path) -> Callable[[dict[str, Any]], "np.ndarray[Any, Any] | None"]:
    def read(row: dict[str, Any]) -> "np.ndarray[Any, Any] | None":
        found = _predictions(models, ["correct"], row)
        return None if found is None else found["correct"].to_numpy()

    return read


def _predictions(models: Path, columns: list[str], row: dict[str, Any]) -> pd.DataFrame | None:
    """None where none are kept, or those of a later training that the table does not have yet."""
    folder = Cell(**{name: row[name] for name in Cell.__dataclass_fields__}).folder(models)
    if not (folder / "predictions.parquet").exists():
        return None
    made = read_json(folder / "result.json")
    told = [name for name in ORIGIN_COLUMNS if name in made and pd.notna(row.get(name))]  # older ones tell less
    if any(made[name] != row[name] for name in told) or not isclose(made["accuracy"], row["accuracy"]):
        return None
    return pd.read_parquet(folder / "predictions.parquet", columns=columns)


def speeds(settings: DatasetSettings, *expanded: Expansion, made: list[tuple[str, int]]) -> pd.DataFrame:
    """How fast each method made its images, and how many are left; `made` has method and draw of each expansion."""
    manifests: dict[str, list[dict[str, Any]]] = {}
    kept: dict[str, Counter[str]] = {}
    for (name, draw), expansion in zip(made, expanded, strict=True):
        manifests.setdefault(name, []).append(expansion.manifest)
        left = weeded(expansion, settings.spec.weed, settings.dataset, draw, name)
        kept.setdefault(name, Counter()).update(kept_by_class(left))
    return costs(settings.dataset, {name: pooled(found) for name, found in manifests.items()}, kept)


def draw_contact_sheet(seeds: Dataset, expanded: Expansion, config: ReportConfig, *, title: str) -> Figure:
    """Seeds and their variants to look at."""
    expanded.check_made_of(seeds)
    return contact_sheet(seeds, expanded, config.contact_seeds, config.contact_variants, title)


def sample(*sheets: bytes, methods: list[str]) -> list[dict[str, str]]:
    """The contact sheets of a dataset as the page carries them."""
    return [for_page(sheet, method).to_json() for sheet, method in zip(sheets, methods, strict=True)]


def choose(
    seeds: Dataset, settings: DatasetSettings, config: ReportConfig, *expanded: Expansion, methods: list[str]
) -> dict[str, Any]:
    """What the page shows one by one of the first draw of a dataset, of each of `methods`."""
    rows = {}
    for method, expansion in zip(methods, expanded, strict=True):
        expansion.check_made_of(seeds)
        rows[method] = weeded(expansion, settings.spec.weed, settings.dataset, settings.draw, method)
    return look(seeds, rows, config.weed_images, settings.dataset, settings.draw)


def gather(
    results: pd.DataFrame,
    intervals: pd.DataFrame,
    speeds: pd.DataFrame,
    samples: list[dict[str, str]],
    look: dict[str, Any],
    confusions: dict[str, Any],
    notes: dict[str, list[int]],
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
        "look": look,
        "confusions": confusions,
        "notes": notes,
        "failures": failed,
        **{name: table.to_dict(orient="split") for name, table in tables.items()},
    }


def merge(
    *findings: dict[str, Any], datasets: list[str]
) -> tuple[
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    pd.DataFrame,
    Samples,
    dict[str, Any],
    list[dict[str, Any]],
    dict[str, str],
    dict[str, dict[str, list[int]]],
]:
    """The tidy tables over all datasets, samples and what to look at by dataset, confusions, cells that failed, and
    notes by dataset."""
    results, intervals, speeds, audits = (
        pd.concat([pd.DataFrame(**found[name]) for found in findings], ignore_index=True)
        for name in ("results", "intervals", "speeds", "audits")
    )
    tracking.log_table(results, "results")
    samples, looks = (
        {name: found[kind] for name, found in zip(datasets, findings, strict=True)} for kind in ("samples", "look")
    )
    failures = {cell: error for found in findings for cell, error in found["failures"].items()}
    confusions = [found["confusions"] for found in findings if found["confusions"]]
    notes = {name: found["notes"] for name, found in zip(datasets, findings, strict=True)}
    return results, intervals, speeds, audits, samples, looks, confusions, failures, notes


def accuracy(
    results: pd.DataFrame,
    speeds: pd.DataFrame,
    notes: dict[str, dict[str, list[int]]],
    methods: Methods,
    config: ReportConfig,
    *,
    group: str,
) -> Table:
    """Datasets of one group x methods."""
    return _shown(views.accuracy(results, speeds, methods, config, group, notes))


def measures(results: pd.DataFrame, methods: Methods) -> Table:
    """Macro-F1 and AUC beside accuracy."""
    return _shown(views.measures(results, methods))


def classes(confusions: list[dict[str, Any]]) -> tuple[Figure, Table]:
    """Which classes gain: the figure and its table."""
    found = [Confusion(**each) for each in confusions]
    return confusion_figure(found), _shown(class_table(found))


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
    confusions: bytes,
    samples: Samples,
    looks: dict[str, Any],
    failures: dict[str, str],
    *tables: Table,
    groups: list[str],
) -> str:
    """Everything on one HTML page."""
    run = mlflow.active_run()
    where = Tracking(config.tracking_url.rstrip("/"), run.info.experiment_id if run else None)
    pictures = {name: [Picture.from_json(picture) for picture in found] for name, found in samples.items()}
    named = {table.name: table for table in (*tables, failure_table(failures))}
    parts = sections(named, groups, curves, gains, confusions, pictures, looks)
    return render(parts, "Guided Imagination: what was measured", where, run.info.run_id if run else None)


def _shown(table: Table) -> Table:
    """`table`, in MLflow's UI too if it has rows."""
    if table:
        tracking.log_table(table.frame(), table.name)
    return table
