import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import normalize

from guided_imagination.imagination.manifold import Sketch, propose, shape
from guided_imagination.utils.randomness import generator
from guided_imagination.utils.seeding import derive_seed

WIDTH = 6


def unit(count, *name, width=WIDTH):
    return normalize(torch.randn(count, width, generator=generator("unit", *name)).double(), dim=1)


def ids(count):
    return [f"seed{number:03d}" for number in range(count)]


def shared(*classes):
    """The differences of all seeds from their class means, and their degrees of freedom."""
    rows = torch.cat([features - features.mean(0) for features in classes])
    return rows, len(rows) - len(classes)


@given(st.integers(2, 8), st.floats(0, 1))
def test_the_covariance_is_the_weighted_sum_of_the_class_s_own_and_the_shared_one(count, within):
    own, other = unit(count, "own"), unit(5, "other")
    rows, freedom = shared(own, other)
    made = shape(own, ids(count), rows, freedom, within)
    pooled = torch.from_numpy(_covariance(own) * (count - 1) + _covariance(other) * 4) / (count + 5 - 2)
    expected = within * torch.from_numpy(_covariance(own)) + (1 - within) * pooled
    torch.testing.assert_close(made.spread.T @ made.spread, expected)
    torch.testing.assert_close(made.mean, own.mean(0))


def _covariance(rows):
    return np.cov(rows.numpy(), rowvar=False)


def test_a_class_of_one_seed_takes_all_of_the_shared_covariance():
    alone, other = unit(1, "alone"), unit(4, "other")
    rows, freedom = shared(alone, other)
    made = shape(alone, ids(1), rows, freedom, within=0.5)
    torch.testing.assert_close(made.spread.T @ made.spread, torch.from_numpy(_covariance(other)))


def test_where_every_class_has_one_seed_there_is_no_direction():
    rows, freedom = shared(unit(1, "a"), unit(1, "b"))
    assert shape(unit(1, "a"), ids(1), rows, freedom, within=0.5).spread.shape == (0, WIDTH)


def test_of_one_class_alone_both_covariances_are_its_own():
    own = unit(5, "own")
    rows, freedom = shared(own)
    made = shape(own, ids(5), rows, freedom, within=0.3)
    torch.testing.assert_close(made.spread.T @ made.spread, torch.from_numpy(_covariance(own)))


@given(st.floats(0.1, 60), st.floats(0, 2), st.floats(0, 1))
def test_the_length_of_an_embedding_is_kept_and_changes_no_direction(scale, tau, shrink):
    own = unit(4, "own")
    made = shape(own, ids(4), *shared(own), within=0.5)
    noise = torch.randn(4, len(made.spread), generator=generator("noise")).double()
    small = propose(own, made.mean, made.spread, noise, tau, shrink)
    large = propose(scale * own, made.mean, made.spread, noise, tau, shrink)
    torch.testing.assert_close(large, scale * small)
    torch.testing.assert_close(small.norm(dim=1), torch.ones(4).double())


def test_without_noise_a_seed_comes_back_or_goes_to_its_class_mean():
    own = unit(4, "own")
    made = shape(own, ids(4), *shared(own), within=0.5)
    noise = torch.ones(4, len(made.spread)).double()
    torch.testing.assert_close(propose(3 * own, made.mean, made.spread, noise, 0, 0), 3 * own)
    torch.testing.assert_close(
        propose(own, made.mean, made.spread, noise, 0, 1), normalize(made.mean[None], dim=1).expand(4, -1)
    )


@given(st.integers(0, 99))
def test_proposals_stay_in_the_span_of_the_seeds(number):
    """A class in a plane stays in it: isotropic noise would leave it."""
    plane = torch.zeros(6, WIDTH).double()
    plane[:, :2] = unit(6, "plane", number, width=2)
    made = shape(plane, ids(6), *shared(plane), within=0.5)
    noise = torch.randn(6, len(made.spread), generator=generator(number)).double()
    assert propose(plane, made.mean, made.spread, noise, 2, 0)[:, 2:].abs().max() < 1e-12


@given(st.floats(1e-6, 0.05))
def test_as_tau_goes_to_zero_a_convex_class_stays_near_its_hull(tau):
    """On an arc of the unit circle, the hull is the arc between its ends: proposals leave it by no more than tau."""
    angles = torch.tensor([0.0, 0.3, 0.6, 0.9]).double()
    arc = torch.stack([angles.cos(), angles.sin()], 1)
    made = shape(arc, ids(4), *shared(arc), within=0.5)
    noise = torch.randn(400, len(made.spread), generator=generator("arc")).double()
    moved = propose(arc.repeat(100, 1), made.mean, made.spread, noise, tau, 0)
    found = torch.atan2(moved[:, 1], moved[:, 0])
    slack = 6 * tau  # deviations of noise whose own deviation is below that of the angles, 0.39
    assert found.min() > -slack and found.max() < 0.9 + slack


def test_up_to_its_size_a_sketch_loses_nothing():
    rows = unit(5, "rows")
    sketch = Sketch(5, WIDTH, size=5)
    sketch.add(rows[:2].float(), ids(2))
    sketch.add(rows[2:].float(), ids(3))
    torch.testing.assert_close(sketch.rows, rows.float())


def test_beyond_its_size_a_sketch_is_right_on_average():
    rows = unit(30, "rows").float()
    sums = torch.zeros(WIDTH, WIDTH)
    for trial in range(800):
        sketch = Sketch(30, WIDTH, size=8)
        sketch.add(rows, [f"{trial}-{name}" for name in ids(30)])
        assert sketch.rows.shape == (8, WIDTH)
        sums += sketch.rows.T @ sketch.rows / 800
    exact = rows.T @ rows
    # an entry's deviation over trials is at most |r|^2 sqrt(n (n - 1) / size) = 10.4
    assert (sums - exact).abs().max() < 4 * 10.4 / math.sqrt(800)


def test_a_sketch_is_the_same_on_every_machine():
    """An id's last bit is its sign, the others its bucket: expansions of more than 256 seeds of a class rely on it."""
    rows, expected = unit(30, "rows").float(), torch.zeros(8, WIDTH)
    sketch = Sketch(30, WIDTH, size=8)
    sketch.add(rows, ids(30))
    for row, name in zip(rows, ids(30), strict=True):
        bits = derive_seed("sketch", name)
        expected[(bits >> 1) % 8] += row if bits & 1 else -row
    torch.testing.assert_close(sketch.rows, expected)


def test_a_sketch_knows_ids_not_batches():
    rows = unit(30, "rows").float()
    whole, parts = Sketch(30, WIDTH, size=8), Sketch(30, WIDTH, size=8)
    whole.add(rows, ids(30))
    for start in range(0, 30, 7):
        parts.add(rows[start : start + 7], ids(30)[start : start + 7])
    torch.testing.assert_close(whole.rows, parts.rows)


@pytest.mark.parametrize("within", [0.0, 1.0])
def test_two_directions_of_a_class_of_two_seeds_are_one(within):
    own = unit(2, "own")
    made = shape(own, ids(2), *shared(own), within=within)
    assert torch.linalg.matrix_rank(made.spread) == 1
