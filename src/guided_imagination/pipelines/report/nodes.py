"""Nodes of `report`."""

import logging

import pandas as pd
from datasets import Dataset
from matplotlib.figure import Figure

from guided_imagination import report, tracking
from guided_imagination.config import ReportConfig
from guided_imagination.store import Expansion

logger = logging.getLogger(__name__)


def collect(*results: pd.DataFrame) -> pd.DataFrame:
    """The tidy table of all cells."""
    return pd.concat(results, ignore_index=True)


def tabulate(results: pd.DataFrame, *, methods: list[str]) -> tuple[pd.DataFrame, str]:
    """The paper-shaped table as data and as Markdown; it is also printed and put into MLflow."""
    table = report.paper_table(results, methods)
    markdown = table.to_markdown(index=False)
    tracking.log_table(results, "results")
    tracking.log_table(table, "accuracy_table")
    logger.info("accuracy on the %s\n%s", "measured split, percent: mean ± deviation over seeds (gain)", markdown)
    return table, markdown


def draw_contact_sheet(seeds: Dataset, expanded: Expansion, config: ReportConfig, *, title: str) -> Figure:
    """Seeds and their variants to look at."""
    return report.contact_sheet(seeds, expanded, config.contact_seeds, title)
