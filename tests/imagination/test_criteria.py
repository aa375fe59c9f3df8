import math
from dataclasses import replace

import pytest
import torch

from guided_imagination.generators.base import Siblings
from guided_imagination.imagination.criteria import (
    CRITERIA,
    Candidates,
    consistency,
    diversity,
    entropy,
    entropy_gain,
    evaluate,
    group_mean,
    score,
)


def candidates(features=((1.0, 0.0), (0.0, 1.0)), probs=((0.5, 0.5), (0.9, 0.1)), temperature=1.0) -> Candidates:
    """Two variants of one seed that CLIP takes for class 0 with 80 %."""
    return Candidates(
        torch.tensor(features),
        torch.tensor(probs).log(),
        torch.tensor([[0.8, 0.2], [0.8, 0.2]]).log(),
        torch.tensor([0, 1]),
        torch.tensor([0, 0]),
        temperature,
    )


def test_consistency_is_the_probability_of_the_held_class():
    torch.testing.assert_close(consistency(candidates()), torch.tensor([0.5, 0.1]))


@pytest.mark.parametrize(
    ("probs", "expected"),
    [([0.5, 0.25, 0.25], 1.5 * math.log(2)), ([0.25] * 4, math.log(4)), ([1.0], 0.0)],
)
def test_entropy_is_in_nats(probs, expected):
    assert entropy(torch.tensor([probs]).log()).item() == pytest.approx(expected, abs=1e-6)


def test_entropy_and_its_gradient_are_finite_where_a_probability_is_zero():
    logits = torch.tensor([[0.0, -2000.0]], requires_grad=True)
    log_probs = logits.log_softmax(1)
    assert log_probs.exp()[0, 1] == 0
    value = entropy(log_probs)
    value.sum().backward()
    assert value.item() == 0
    assert logits.grad.tolist() == [[0, 0]]


def test_entropy_of_a_sure_prediction_is_zero():
    assert entropy(torch.tensor([[1.0, 0.0]]).log()).item() == 0


def test_entropy_gain_is_measured_against_the_seed():
    # H(.5, .5) = 0.693147, H(.9, .1) = 0.325083, H(.8, .2) = 0.500402
    expected = torch.tensor([0.693147 - 0.500402, 0.325083 - 0.500402])
    torch.testing.assert_close(entropy_gain(candidates()), expected, atol=1e-5, rtol=0)


def test_diversity_is_the_divergence_from_the_mean_variant():
    # p = softmax(1, 0) = (.731059, .268941), q = softmax(.5, .5) = (.5, .5)
    # KL = .731059 ln 1.462117 + .268941 ln .537883 = 0.110944, and the same for the mirrored variant
    torch.testing.assert_close(diversity(candidates()), torch.full((2,), 0.110944), atol=1e-5, rtol=0)


def test_diversity_of_identical_variants_is_zero():
    torch.testing.assert_close(diversity(candidates([[0.6, 0.8]] * 2)), torch.zeros(2), atol=1e-7, rtol=0)


def test_a_small_temperature_makes_diversity_act():
    # at t = 0.1 p = softmax(10, 0): KL = ln 2 - H(p) = 0.693147 - 0.000499
    sharp = diversity(candidates(temperature=0.1))
    torch.testing.assert_close(sharp, torch.full((2,), 0.692648), atol=1e-5, rtol=0)


def test_diversity_looks_only_at_variants_of_the_same_seed():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    log_probs = torch.tensor([[0.5, 0.5]] * 3).log()
    seen = Candidates(features, log_probs, log_probs, torch.tensor([0] * 3), torch.tensor([0, 0, 1]))
    torch.testing.assert_close(diversity(seen), torch.zeros(3), atol=1e-7, rtol=0)


def test_the_authors_divergence_has_the_mean_in_front():
    # q = softmax(.5, .5) = (.5, .5), p = softmax(1, 0): KL(q || p) = .5 ln(.5/.731059) + .5 ln(.5/.268941) = 0.120115
    seen = replace(candidates(), divergence="mean_variant")
    torch.testing.assert_close(diversity(seen), torch.full((2,), 0.120115), atol=1e-5, rtol=0)


def test_in_groups_of_two_the_mean_is_that_of_neighbours():
    """Four variants of a seed: two that are alike, and two that differ as in the first test; another seed between."""
    features = torch.tensor([[1.0, 0.0], [0.3, 0.3], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    log_probs = torch.tensor([[0.5, 0.5]] * 5).log()
    owner = torch.tensor([0, 1, 0, 0, 0])
    seen = Candidates(features, log_probs, log_probs, torch.tensor([0] * 5), owner, group=2)
    expected = torch.tensor([0, 0, 0, 0.110944, 0.110944])
    torch.testing.assert_close(diversity(seen), expected, atol=1e-5, rtol=0)


def test_kept_siblings_belong_to_the_mean():
    """A variant that is drawn again alone is as diverse as beside its siblings, which were kept."""
    together = candidates()
    kept = Siblings(torch.tensor([1]), together.features[:1])
    alone = {name: getattr(together, name)[1:] for name in ("features", "log_probs", "seed_log_probs", "held", "owner")}
    assert diversity(replace(together, **alone)).item() == 0
    assert diversity(replace(together, **alone, siblings=kept)).item() == pytest.approx(diversity(together)[1].item())


def test_groups_are_counted_from_the_first_variant_and_the_last_may_be_smaller():
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    log_probs = torch.tensor([[0.5, 0.5]] * 3).log()
    seen = Candidates(features, log_probs, log_probs, torch.tensor([0] * 3), torch.tensor([0] * 3), group=2)
    torch.testing.assert_close(diversity(seen), torch.tensor([0.110944, 0.110944, 0]), atol=1e-5, rtol=0)


def test_group_mean_counts_kept_siblings_and_skips_those_of_other_seeds():
    kept = Siblings(torch.tensor([3, 5]), torch.tensor([[6.0, 0.0], [7.0, 7.0]]))
    # (2 + 6) / (1 + 3), (4 + 0) / (1 + 3); of the second seed there is no variant here
    assert group_mean(torch.tensor([[2.0, 4.0]]), torch.tensor([0]), kept).tolist() == [[2, 1]]


def test_group_mean_of_ragged_groups():
    values = torch.tensor([[1.0, 2.0], [3.0, 4.0], [10.0, 20.0], [5.0, 6.0]])
    means = group_mean(values, torch.tensor([0, 0, 2, 0]))
    assert means.tolist() == [[3, 4], [0, 0], [10, 20]]


def test_an_ablation_is_a_subset_of_weights():
    seen = candidates()
    parts = evaluate(seen)
    for name in CRITERIA:
        torch.testing.assert_close(score(seen, {name: 1}), parts[name])
    both = score(seen, {"consistency": 2, "diversity": 0.5})
    torch.testing.assert_close(both, 2 * parts["consistency"] + 0.5 * parts["diversity"])


def test_all_weights_one_is_the_sum_of_the_three_criteria():
    # consistency + entropy gain + diversity of the first variant, from the numbers above
    total = score(candidates(), dict.fromkeys(CRITERIA, 1))
    assert total[0].item() == pytest.approx(0.5 + 0.192745 + 0.110944, abs=1e-5)
