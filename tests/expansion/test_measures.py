"""Measures of unit vectors that can be worked out by hand."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from guided_imagination.expansion.audit import distances, diversity, nearest_seed

E1, E2 = torch.eye(2)


def test_diversity_is_the_mean_over_seeds_of_the_mean_pairwise_distance():
    # seed 0: e1, e1, e2, distances 0, 1, 1, mean 2/3; seed 1: e1 and -e1, distance 2; seed 2 has one variant
    features = torch.stack([E1, E1, -E1, E2, E1, E2])
    owner = torch.tensor([0, 1, 1, 0, 0, 2])
    assert diversity(features, owner) == pytest.approx((2 / 3 + 2) / 2)


def test_copies_have_no_diversity_and_single_variants_have_none_to_speak_of():
    assert diversity(torch.stack([E1, E1]), torch.tensor([0, 0])) == pytest.approx(0)
    assert diversity(torch.stack([E1, E2]), torch.tensor([0, 1])) is None


def test_nearest_is_the_greatest_cosine_with_any_seed():
    features = normalize(torch.tensor([[3.0, 4.0], [1.0, 0.0], [-1.0, 0.0]]), dim=1)
    assert nearest_seed(features, torch.stack([E1, E2])).tolist() == pytest.approx([0.8, 1, 0])


def test_a_seed_is_not_its_own_neighbour(monkeypatch):
    monkeypatch.setattr("guided_imagination.expansion.audit.BLOCK", 2)
    seeds = torch.stack([E1, E2, normalize(E1 + E2, dim=0)])
    near = math.sqrt(0.5)
    assert nearest_seed(seeds, seeds, torch.arange(3)).tolist() == pytest.approx([near, near, near])


def test_fid_and_kid_of_four_points():
    # FID: means (1/2, 1/2) and their negatives, equal covariances: |difference|^2 = 2.
    # KID: (1 + 0)^3 = 1 between two of one set; between the sets (1 - 1)^3 = 0 twice and 1 twice:
    # 1 + 1 - 2 * (0 + 0 + 1 + 1) / 4 = 1
    real = torch.stack([E1, E2])
    assert distances(real, -real) == pytest.approx((2, 1), abs=1e-6)


def test_sets_of_one_distribution_are_near_and_of_another_far():
    rng = torch.Generator().manual_seed(0)
    one, same, other = (
        normalize(torch.randn(400, 8, generator=rng) + shift, dim=1) for shift in (0, 0, 2 * torch.eye(8)[0])
    )
    near, far = distances(one, same), distances(one, other)
    assert distances(one, one)[0] == pytest.approx(0, abs=1e-6)
    assert near[0] < 0.02
    assert abs(near[1]) < 0.01
    assert far[0] > 20 * near[0]
    assert far[1] > 0.3


def test_kid_is_the_same_every_time_and_leaves_the_global_randomness_alone():
    rng = torch.Generator().manual_seed(0)
    real, made = (normalize(torch.randn(size, 4, generator=rng), dim=1) for size in (20, 30))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert distances(real, made) == distances(real, made)
    assert torch.equal(torch.get_rng_state(), before)
