"""Nodes of `report`."""

import logging

import pandas as pd
from datasets import Dataset
from matplotlib.figure import Figure

from guided_imagination import report, tracking
from guided_imagination.config import ReportConfig
from guided_imagination.store import Expansion

logger = logging.getLogger(__name__)


def collect(*rows: pd.DataFrame, methods: list[str], dataset: str) -> tuple[pd.DataFrame, str]:
    """The tidy table of one dataset's cells, and its paper-shaped one as Markdown; also printed."""
    results = pd.concat(rows, ignore_index=True)
    markdown = report.paper_table(results, methods).to_markdown(index=False)
    logger.info("accuracy in percent, mean ± deviation over seeds (gain over the originals):\n\n%s\n", markdown)
    tracking.log_table(results, f"results_{dataset}")
    return results, markdown


def tabulate(*collected: pd.DataFrame, methods: list[str]) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """The tidy table of all datasets, the paper-shaped one, and that as Markdown; also in MLflow."""
    results = pd.concat(collected, ignore_index=True)
    table = report.paper_table(results, methods)
    markdown = table.to_markdown(index=False)
    tracking.log_table(results, "results")
    tracking.log_table(table, "accuracy_table")
    if len(collected) > 1:
        logger.info("all datasets:\n\n%s\n", markdown)
    return results, table, markdown


def draw_contact_sheet(seeds: Dataset, expanded: Expansion, config: ReportConfig, *, title: str) -> Figure:
    """Seeds and their variants to look at."""
    return report.contact_sheet(seeds, expanded, config.contact_seeds, title)
