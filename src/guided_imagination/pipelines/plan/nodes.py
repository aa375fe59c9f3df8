"""Nodes of `plan`."""

import logging
from pathlib import Path

import pandas as pd
from datasets import Dataset

from guided_imagination.config import AdaptSettings, ComputeConfig, PlanConfig, RowSettings
from guided_imagination.report import planning
from guided_imagination.report.planning import Place
from guided_imagination.utils.workers import worker_count

logger = logging.getLogger(__name__)


def ask(seeds: Dataset, validation: Dataset, test: Dataset, *settings: RowSettings | AdaptSettings, name: str) -> Place:
    """All that will be done with one draw of a dataset."""
    rows = [one for one in settings if isinstance(one, RowSettings)]
    adapts = [one for one in settings if isinstance(one, AdaptSettings)]
    return Place(name, settings[0].dataset, seeds, validation, test, rows, adapts)


def plan(config: PlanConfig, compute: ComputeConfig, *places: Place) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Costs, the speeds that they come from, and both for people; also printed."""
    if config.speeds is None:
        work, speeds = planning.measured(places)
    else:
        speeds = planning.read(Path(config.speeds))
        work = planning.looked_up(places, speeds)
    workers = worker_count(compute)
    costs = planning.forecast(work, workers, config.price)
    scratch = planning.decoded_bytes(places)
    text = planning.markdown(costs, workers, planning.to_download(places), scratch)
    logger.info("plan:\n\n%s\n", text)
    return costs, planning.to_table(speeds), text
