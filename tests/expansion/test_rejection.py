"""When a variant is refused, at the thresholds and beside them, and which refused one is kept."""

import pytest

from guided_imagination.config import RejectConfig
from guided_imagination.expansion.rejection import rank, reason


def record(prediction=0, label_probability=0.5, seed_similarity=0.5):
    """What the guide sees in a variant of class 0."""
    seen = {"prediction": prediction, "label_probability": label_probability, "seed_similarity": seed_similarity}
    return {"label": 0, **seen}


@pytest.mark.parametrize(("similarity", "why"), [(0.875, None), (0.8750001, "near_copy"), (1.0, "near_copy")])
def test_a_near_copy_is_above_its_threshold_and_not_at_it(similarity, why):
    assert reason(record(seed_similarity=similarity), RejectConfig(max_seed_similarity=0.875)) == why


@pytest.mark.parametrize(("probability", "why"), [(0.375, None), (0.9, None), (0.3749999, "lost_class")])
def test_a_label_is_lost_below_its_threshold_and_not_at_it(probability, why):
    assert reason(record(label_probability=probability), RejectConfig(min_label_probability=0.375)) == why


def test_thresholds_that_refuse_everything_or_nothing():
    assert reason(record(label_probability=0.0), RejectConfig(min_label_probability=0)) is None
    assert reason(record(label_probability=0.999), RejectConfig(min_label_probability=1)) == "lost_class"
    assert reason(record(seed_similarity=1.0), RejectConfig(max_seed_similarity=1)) is None
    assert reason(record(seed_similarity=-0.5), RejectConfig(max_seed_similarity=-1)) == "near_copy"
    assert reason(record(seed_similarity=0.1), RejectConfig(max_seed_similarity=0)) == "near_copy"


def test_what_lost_its_class_and_is_a_copy_lost_its_class():
    strict = RejectConfig(max_seed_similarity=0.9)
    assert reason(record(prediction=1, seed_similarity=1.0), strict) == "lost_class"
    assert reason(record(prediction=1, seed_similarity=1.0), strict.overridden({"other_class": False})) == "near_copy"


def test_what_no_guide_looked_at_passes():
    unseen = record(prediction=None, label_probability=None, seed_similarity=None)
    assert reason(unseen, RejectConfig(min_label_probability=1, max_seed_similarity=-1)) is None


def test_refused_variants_are_ranked_copies_first_then_by_probability():
    reject = RejectConfig(max_seed_similarity=0.9, min_label_probability=0.2)
    ordered = [
        record(seed_similarity=0.91),
        record(seed_similarity=0.99),
        record(prediction=1, label_probability=0.4, seed_similarity=1.0),
        record(label_probability=0.1),
        record(prediction=1, label_probability=0.05),
    ]
    mixed = [ordered[place] for place in (3, 1, 4, 0, 2)]
    assert sorted(mixed, key=lambda one: rank(one, reject), reverse=True) == ordered
