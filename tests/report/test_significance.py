import numpy as np
import pytest

from guided_imagination.report.differences import paired_bootstrap

RNG = np.random.default_rng(3)


def test_the_difference_is_that_of_the_mean_accuracies():
    found = paired_bootstrap([[1, 1, 0, 1], [1, 0, 0, 1]], [[0, 1, 0, 0]])
    assert found.difference == pytest.approx(62.5 - 25)
    assert found.low <= found.difference <= found.high


def test_the_interval_of_independent_images_is_that_of_the_normal_approximation():
    # gains are +1, 0 or -1 with known variance: 1.96 standard errors of the mean to each side
    first, second = RNG.random((1, 2000)) < 0.8, RNG.random((1, 2000)) < 0.7
    error = 100 * (first.astype(float) - second).std() / np.sqrt(2000)
    found = paired_bootstrap(first, second)
    assert found.high - found.difference == pytest.approx(1.96 * error, rel=0.1)
    assert found.difference - found.low == pytest.approx(1.96 * error, rel=0.1)


def test_pairing_removes_what_both_find_hard():
    hard = RNG.random((1, 1000)) < 0.5
    better = hard.copy()
    better[:, :50] = True  # about 25 images more
    paired = paired_bootstrap(better, hard)
    assert paired.low > 0
    assert paired.high - paired.low < 3  # unpaired, the error of each alone is 1.6


def test_equal_answers_have_no_interval():
    same = RNG.random((3, 40)) < 0.5
    assert paired_bootstrap(same, same) == (0, 0, 0)


def test_the_same_seed_gives_the_same_interval():
    first, second = RNG.random((2, 50)) < 0.8, RNG.random((2, 50)) < 0.7
    assert paired_bootstrap(first, second, seed=1) == paired_bootstrap(first, second, seed=1)


def test_other_images_are_refused():
    with pytest.raises(ValueError, match="40 and 30 images"):
        paired_bootstrap(np.ones((2, 40)), np.ones((2, 30)))
