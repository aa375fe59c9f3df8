"""Nodes of `report`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from datasets import Dataset

from guided_imagination.config.report import ReportConfig
from guided_imagination.config.rows import DatasetSettings
from guided_imagination.config.tree import Methods, changing_recipe
from guided_imagination.data.dataset import class_names
from guided_imagination.expansion.store import Expansion
from guided_imagination.expansion.weeding import weeded
from guided_imagination.pipelines import tracking
from guided_imagination.report.advice import advice
from guided_imagination.report.confusion import confusions
from guided_imagination.report.contact_sheet import contact_sheet, for_page
from guided_imagination.report.differences import differences
from guided_imagination.report.expansions import counted
from guided_imagination.report.findings import Findings, correct, mean_audits, noted, predictions
from guided_imagination.report.look import look
from guided_imagination.report.page import Tracking, render
from guided_imagination.report.sections import Picture, sections
from guided_imagination.report.table import Table, failure_table
from guided_imagination.report.views import Views
from guided_imagination.utils.figures import Figure


def collect(
    *,
    seeds: Dataset,
    expanded: Mapping[tuple[str, int], Expansion],
    results: Mapping[str, pd.DataFrame],
    failures: Mapping[str, Mapping[str, str]],
    audits: Mapping[str, pd.DataFrame],
    manifests: Mapping[str, Mapping[str, Any]],
    settings: DatasetSettings,
    methods: Methods,
    config: ReportConfig,
    models: str,
    looked: Sequence[str],
) -> tuple[Findings, Table]:
    """All that was found on one dataset, and its paper-shaped table, which the run ends with (hooks.py).

    `expanded` are by method and draw, all else by the place that it comes from; `seeds` and `settings` are of the first
    draw, of which the page shows the images of the methods `looked`.
    """
    dataset, draw, changed = settings.dataset, settings.draw, changing_recipe(methods)
    for method in looked:
        expanded[method, draw].check_made_of(seeds)
    kept = {key: weeded(made, settings.spec.weed, dataset, key[1], key[0]) for key, made in expanded.items()}
    tidy = pd.concat(results.values(), ignore_index=True)
    right, said = partial(correct, Path(models)), partial(predictions, Path(models))
    found = Findings(
        results=tidy,
        intervals=differences(tidy, config.compare, right, changed),
        advice=advice(tidy, [name for name, row in methods.items() if row.pipeline is not None], right),
        speeds=counted(dataset, kept),
        audits=mean_audits(audits.values(), dataset),
        confusions=confusions(tidy, config.compare, said, dataset, class_names(seeds), changed),
        failures={cell: error for row in failures.values() for cell, error in row.items()},
        notes={dataset: noted(manifests.values())},
        looks={dataset: look(seeds, {name: kept[name, draw] for name in looked}, config.weed_images, dataset, draw)},
    )
    table = Views(found, methods, config).of_dataset(dataset)
    tracking.log_table(tidy, f"results_{dataset}")
    return found, table


def draw_contact_sheet(*, seeds: Dataset, expanded: Expansion, config: ReportConfig, title: str) -> Figure:
    """Seeds and their variants to look at."""
    expanded.check_made_of(seeds)
    return contact_sheet(seeds, expanded, config.contact_seeds, config.contact_variants, title)


def join(*, findings: Mapping[str, Findings]) -> Findings:
    """What was found on all datasets."""
    found = Findings.joined(findings.values())
    tracking.log_table(found.results, "results")
    mlflow.log_text(found.results.to_csv(index=False), "results.csv")
    return found


def show(
    *, findings: Findings, methods: Methods, config: ReportConfig, groups: Sequence[str]
) -> dict[str, Table | Figure]:
    """All tables and figures by name, and in MLflow's UI the tables that have rows."""
    views = Views(findings, methods, config)
    tables = views.tables(groups)
    for name, table in tables.items():
        if table:
            tracking.log_table(table.frame(), name)
    return {**tables, **views.figures()}


def page(
    *,
    findings: Findings,
    tables: Mapping[str, Table],
    figures: Mapping[str, bytes],
    sheets: Mapping[tuple[str, str], bytes],
    config: ReportConfig,
    groups: Sequence[str],
) -> str:
    """Everything on one HTML page; `sheets` are the contact sheets by dataset and method."""
    run = mlflow.active_run()
    where = Tracking(config.tracking_url.rstrip("/"), run.info.experiment_id if run else None)
    samples: dict[str, list[Picture]] = {}
    for (dataset, method), sheet in sheets.items():
        samples.setdefault(dataset, []).append(for_page(sheet, method))
    named = {**tables, "failures": failure_table(findings.failures)}
    parts = sections(named, groups, figures, samples, findings.looks)
    return render(parts, "Guided Imagination: what was measured", where, run.info.run_id if run else None)
