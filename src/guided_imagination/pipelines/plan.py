"""`plan`: seeds and settings -> what the run will cost, before it begins."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.expansion import ExpandPipeline
from guided_imagination.config.models import ComputeConfig
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.planning import PlanConfig
from guided_imagination.config.rows import AdaptSettings, RowSettings
from guided_imagination.pipelines.lazy import GPU, bound

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

    from guided_imagination.report.planning import Place

logger = logging.getLogger(__name__)
SPLITS = ["seeds", "validation", "test"]


def create_pipeline(parameters: Parameters) -> Pipeline:
    """What is to be done of each draw of a dataset, and the plan over all."""
    asked = [_place(parameters, place) for place in parameters.places]
    inputs = ["params:plan", "params:compute", *(f"{place}.work" for place in parameters.places)]
    outputs = ["plan.costs", "plan.speeds", "plan.text"]
    return Pipeline([*asked, Node(plan, inputs, outputs, name="plan", tags=["plan", GPU])])


def _place(parameters: Parameters, place: str) -> Node:
    adapting = [pipeline for pipeline in get_args(ExpandPipeline) if parameters.adapts(place, pipeline)]
    owners = [*parameters.methods, *adapting]
    inputs = [*(f"{place}.{split}" for split in SPLITS), *(f"params:{place}.{owner}.settings" for owner in owners)]
    return Node(bound(ask, name=place), inputs, f"{place}.work", name=f"ask_{place}", tags="plan")


def ask(
    seeds: "Dataset", validation: "Dataset", test: "Dataset", *settings: RowSettings | AdaptSettings, name: str
) -> "Place":
    """All that will be done with one draw of a dataset."""
    from guided_imagination.report.planning import Place

    rows = [one for one in settings if isinstance(one, RowSettings)]
    adapts = [one for one in settings if isinstance(one, AdaptSettings)]
    return Place(name, settings[0].dataset, seeds, validation, test, rows, adapts)


def plan(config: PlanConfig, compute: ComputeConfig, *places: "Place") -> "tuple[pd.DataFrame, pd.DataFrame, str]":
    """Costs, the speeds that they come from, and both for people; also printed."""
    from guided_imagination.report import planning
    from guided_imagination.utils.workers import worker_count

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
