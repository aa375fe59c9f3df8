"""Nodes of `audit`."""

import logging
from functools import partial
from pathlib import Path

import pandas as pd
from datasets import Dataset

from guided_imagination.config import RowSettings
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.expansion import audit
from guided_imagination.expansion.store import Expansion
from guided_imagination.models.device import Batches, place
from guided_imagination.models.loading import load_guide
from guided_imagination.models.weights import model_checksum
from guided_imagination.models.zero_shot import ZeroShotClassifier
from guided_imagination.pipelines import tracking
from guided_imagination.utils.seeding import derive_seed
from guided_imagination.utils.workers import call

logger = logging.getLogger(__name__)


def audit_row(
    seeds: Dataset, validation: Dataset, settings: RowSettings, kept: Path, expanded: Expansion | None = None
) -> pd.DataFrame:
    """The audit row of an expansion, or of the seeds; what all rows are compared with is kept in the folder `kept`."""
    if expanded is not None:
        expanded.check_made_of(seeds)
    return call(partial(_audit_row, seeds, validation, settings, kept, expanded), settings.compute)


def _audit_row(
    seeds: Dataset, validation: Dataset, settings: RowSettings, kept: Path, expanded: Expansion | None
) -> pd.DataFrame:
    config = settings.audit
    classify = _classifier(seeds, settings)
    row = audit.audit(
        _known(seeds, validation, settings, classify, kept / "seen.npz"),
        expanded,
        classify,
        settings.spec.resolution,
        config.near_duplicate,
        config.images_per_batch,
        config.images,
    )
    return audit.table([{"method": settings.method, **row}])


def _known(
    seeds: Dataset, validation: Dataset, settings: RowSettings, classify: ZeroShotClassifier, path: Path
) -> audit.Reference:
    config, spec = settings.audit, settings.spec
    weights = model_checksum(settings.audit_guide, settings.hub)
    shaping = config.model_dump(), spec.resolution, spec.templates, checksum(seeds), checksum(validation), weights
    key = f"{derive_seed(*shaping):016x}"
    known = audit.Reference.load(path, key)
    if known is None:
        size = config.images_per_batch
        known = audit.reference(seeds, validation, classify, spec.resolution, size, config.images)
        known.save(path, key)
    return known


def _classifier(seeds: Dataset, settings: RowSettings) -> ZeroShotClassifier:
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
