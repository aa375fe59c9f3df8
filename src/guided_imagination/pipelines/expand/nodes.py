"""Nodes of `expand_mae`, `expand_dalle`, `expand_sd` and `augment_baselines`."""

from typing import Any

from datasets import Dataset

from guided_imagination.config import RowSettings
from guided_imagination.expansion.plan import Plan, plan_of


def plan(
    seeds: Dataset, settings: RowSettings, adapted: dict[str, Any] | None = None, *, origin: dict[str, Any]
) -> Plan:
    """What to make; the dataset `expanded` makes it, shard by shard, when it is saved.

    origin: the parameters behind the settings, which the manifest will tell.
    """
    return plan_of(seeds, settings, adapted, origin)
