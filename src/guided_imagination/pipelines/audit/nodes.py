"""Nodes of `audit`."""

import logging

import pandas as pd
from datasets import Dataset

from guided_imagination.config import RowSettings
from guided_imagination.data.dataset import class_names
from guided_imagination.expansion import audit
from guided_imagination.expansion.store import Expansion
from guided_imagination.models.clip import ZeroShotClassifier
from guided_imagination.models.device import Batches, place
from guided_imagination.models.loading import load_guide
from guided_imagination.pipelines import tracking

logger = logging.getLogger(__name__)


def audit_row(
    seeds: Dataset, validation: Dataset, settings: RowSettings, expanded: Expansion | None = None
) -> pd.DataFrame:
    """The audit row of an expansion, or of the seeds."""
    spec, config, placement = settings.spec, settings.audit, place(settings.compute)
    guide = load_guide(settings.audit_guide, class_names(seeds), spec.templates, placement, settings.hub)
    look = ZeroShotClassifier(guide, config.logit_scale, placement, Batches(config.images_per_batch))
    row = audit.audit(
        seeds, validation, expanded, look, spec.resolution, config.near_duplicate, config.images_per_batch
    )
    return audit.table([{"method": settings.method, **row}])


def collect(*rows: pd.DataFrame, dataset: str) -> tuple[pd.DataFrame, str]:
    """The audit table of one dataset, and that as Markdown; also printed and in MLflow."""
    table = pd.concat(rows, ignore_index=True)
    text = audit.markdown(table)
    logger.info("audit of %s:\n\n%s\n", dataset, text)
    tracking.log_table(table, f"audit_{dataset}")
    return table, text
