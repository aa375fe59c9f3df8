"""Nodes of `audit`."""

import logging
from functools import partial

import pandas as pd
from datasets import Dataset

from guided_imagination.config import AuditConfig, ComputeConfig, DatasetSpec, GuideConfig
from guided_imagination.data.dataset import class_names
from guided_imagination.expansion import audit
from guided_imagination.expansion.store import Expansion
from guided_imagination.models.clip import classify
from guided_imagination.models.device import Batches, place
from guided_imagination.models.loading import load_guide
from guided_imagination.models.weights import hub_folder
from guided_imagination.pipelines import tracking

logger = logging.getLogger(__name__)


def audit_row(
    seeds: Dataset,
    validation: Dataset,
    spec: DatasetSpec,
    config: AuditConfig,
    guides: dict[str, GuideConfig],
    compute: ComputeConfig,
    models_dir: str,
    expanded: Expansion | None = None,
    *,
    method: str,
) -> pd.DataFrame:
    """The audit row of an expansion, or of the seeds."""
    if expanded is not None:
        expanded.check_made_of(seeds)
    placement = place(compute)
    guide = load_guide(guides[config.guide], class_names(seeds), spec.templates, placement, hub_folder(models_dir))
    look = partial(
        classify,
        guide,
        logit_scale=config.logit_scale,
        placement=placement,
        memory=Batches(config.images_per_batch),
    )
    row = audit.audit(
        seeds, validation, expanded, look, spec.resolution, config.near_duplicate, config.images_per_batch
    )
    return audit.table([{"method": method, **row}])


def collect(*rows: pd.DataFrame, dataset: str) -> tuple[pd.DataFrame, str]:
    """The audit table of one dataset, and that as Markdown; also printed and in MLflow."""
    table = pd.concat(rows, ignore_index=True)
    text = audit.markdown(table)
    logger.info("audit of %s:\n\n%s\n", dataset, text)
    tracking.log_table(table, f"audit_{dataset}")
    return table, text
