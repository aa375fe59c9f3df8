"""Which drawn variants are refused, and which refused one is the least bad."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from guided_imagination.config.expansion import RejectConfig

Reason = Literal["lost_class", "near_copy"]
REASONS: tuple[Reason, ...] = get_args(Reason)


def reason(record: Mapping[str, Any], reject: RejectConfig) -> Reason | None:
    """Why a variant is refused, None if it is not; one that lost its class counts as that alone.

    `record` has the columns of expansion.record_features. A variant that no guide looked at passes.
    """
    if record["prediction"] is None:
        return None
    if reject.other_class and record["prediction"] != record["label"]:
        return "lost_class"
    if reject.min_label_probability is not None and record["label_probability"] < reject.min_label_probability:
        return "lost_class"
    if reject.max_seed_similarity is not None and record["seed_similarity"] > reject.max_seed_similarity:
        return "near_copy"
    return None


def rank(record: Mapping[str, Any], reject: RejectConfig) -> tuple[int, float]:
    """Order of refused variants, the greatest is kept: a copy has the right label at least, a far one is better."""
    if reason(record, reject) == "near_copy":
        return 1, -record["seed_similarity"]
    return 0, record["label_probability"]
