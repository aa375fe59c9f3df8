"""Nodes of `audit`."""

import logging
from typing import Any

import pandas as pd
from datasets import Dataset

from guided_imagination.config import DatasetSettings, RowSettings, Shared
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.expansion import audit
from guided_imagination.expansion.store import Expansion
from guided_imagination.models.clip import ZeroShotClassifier
from guided_imagination.models.device import Batches, place
from guided_imagination.models.loading import load_guide
from guided_imagination.pipelines import tracking

logger = logging.getLogger(__name__)


def look(seeds: Dataset, validation: Dataset, settings: DatasetSettings) -> dict[str, Any]:
    """What CLIP sees in the seeds and in real images: all rows of the dataset are compared with it."""
    config = settings.audit
    classify, size = _classifier(seeds, settings), config.images_per_batch
    known = audit.reference(seeds, validation, classify, settings.spec.resolution, size, config.images)
    return known.to_arrays(checksum(seeds))


def audit_row(
    seeds: Dataset, seen: dict[str, Any], settings: RowSettings, expanded: Expansion | None = None
) -> pd.DataFrame:
    """The audit row of an expansion, or of the seeds."""
    if expanded is not None:
        expanded.check_made_of(seeds)
    config = settings.audit
    row = audit.audit(
        audit.Reference.from_arrays(seen, checksum(seeds)),
        expanded,
        _classifier(seeds, settings),
        settings.spec.resolution,
        config.near_duplicate,
        config.images_per_batch,
        config.images,
    )
    return audit.table([{"method": settings.method, **row}])


def _classifier(seeds: Dataset, settings: Shared) -> ZeroShotClassifier:
    placement, config = place(settings.compute), settings.audit
    guide = load_guide(settings.audit_guide, class_names(seeds), settings.spec.templates, placement, settings.hub)
    return ZeroShotClassifier(guide, config.logit_scale, placement, Batches(config.images_per_batch))


def collect(*rows: pd.DataFrame, dataset: str) -> tuple[pd.DataFrame, str]:
    """The audit table of one dataset, and that as Markdown; also printed and in MLflow."""
    table = pd.concat(rows, ignore_index=True)
    text = audit.markdown(table)
    logger.info("audit of %s:\n\n%s\n", dataset, text)
    tracking.log_table(table, f"audit_{dataset}")
    return table, text
