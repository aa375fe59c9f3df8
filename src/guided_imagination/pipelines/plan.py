"""`plan`: seeds and settings -> what the run will cost, before it begins."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.models import ComputeConfig
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.report import PlanConfig
from guided_imagination.pipelines.lazy import GPU

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)
SPLITS = ["seeds", "validation", "test"]


def create_pipeline(parameters: Parameters) -> Pipeline:
    """One node, which is told of every draw of a dataset and of every row."""
    splits = {f"{place}.{split}": f"{place}.{split}" for place in parameters.places for split in SPLITS}
    rows = {
        f"{place}.{method}.settings": f"params:{place}.{method}.settings"
        for place in parameters.places
        for method in parameters.methods
    }
    inputs = {"config": "params:plan", "compute": "params:compute", **splits, **rows}
    outputs = ["plan.costs", "plan.speeds", "plan.text"]
    return Pipeline([Node(plan, inputs, outputs, name="plan", tags=["plan", GPU])])


def plan(config: PlanConfig, compute: ComputeConfig, **named: Any) -> "tuple[pd.DataFrame, pd.DataFrame, str]":
    """Costs, the speeds that they come from, and both for people; also printed.

    named: splits and settings of rows by the names of the catalog.
    """
    from guided_imagination.planning import costs, measure
    from guided_imagination.planning.work import work_of
    from guided_imagination.utils.workers import worker_count

    rows = [value for name, value in named.items() if name.endswith(".settings")]
    splits = {row.place: {split: named[f"{row.place}.{split}"] for split in SPLITS} for row in rows}
    every = [work for row in rows for work in work_of(row, splits[row.place])]
    tuned = {(one.row.place, one.name): one for one in every if one.stage == "adapt"}  # once for all rows
    work = [*tuned.values(), *(one for one in every if one.stage != "adapt")]
    speeds = costs.read(Path(config.speeds)) if config.speeds else costs.to_table(measure.measured(work, splits))
    workers = worker_count(compute)
    table = costs.forecast(work, speeds, workers, config.price)
    sizes = [len(splits[row.place]["seeds"]) * (1 + row.ratio) * 3 * row.spec.resolution**2 for row in rows]
    text = costs.markdown(table, workers, measure.to_download(rows), max(sizes, default=0))
    logger.info("plan:\n\n%s\n", text)
    return table, speeds, text
