"""Nodes of `expand_mae` and `expand_dalle`."""

from datasets import Dataset

from guided_imagination import plans
from guided_imagination.config import Criteria, DatasetSpec, ExpandConfig
from guided_imagination.expansion import Plan


def plan(
    seeds: Dataset,
    spec: DatasetSpec,
    config: ExpandConfig,
    criteria_sets: dict[str, Criteria],
    ratio: int,
    seed: int,
    overwrite: bool,
    *,
    method: str,
    guided: bool,
) -> Plan:
    """What to make; the dataset `expanded` makes it, shard by shard, when it is saved."""
    criteria = criteria_sets[config.criteria]
    return plans.imagination_plan(
        seeds, spec, config, criteria, method=method, guided=guided, ratio=ratio, seed=seed, overwrite=overwrite
    )
