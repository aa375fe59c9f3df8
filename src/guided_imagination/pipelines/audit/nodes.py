"""Nodes of `audit`."""

import logging
from functools import partial
from pathlib import Path

import pandas as pd
from datasets import Dataset

from guided_imagination.config import RowSettings
from guided_imagination.expansion import audit
from guided_imagination.expansion.audit_row import audit_rows
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines import tracking
from guided_imagination.utils.workers import call

logger = logging.getLogger(__name__)


def audit_row(
    seeds: Dataset, validation: Dataset, settings: RowSettings, kept: Path, expanded: Expansion | None = None
) -> pd.DataFrame:
    """The audit row of an expansion, or of the seeds; what all rows are compared with is kept in the folder `kept`."""
    if expanded is not None:
        expanded.check_made_of(seeds)
    audited = partial(audit_rows, seeds, validation, settings, {settings.method: expanded}, kept)
    return call(audited, settings.compute)


def collect(*rows: pd.DataFrame, dataset: str) -> tuple[pd.DataFrame, str]:
    """The audit table of one dataset, and that as Markdown; also printed and in MLflow."""
    table = pd.concat(rows, ignore_index=True)
    text = audit.markdown(table)
    logger.info("audit of %s:\n\n%s\n", dataset, text)
    tracking.log_table(table, f"audit_{dataset}")
    return table, text
