from statistics import fmean, variance

import numpy as np
import pytest
from scipy.stats import t, ttest_ind

from guided_imagination.report.differences import mean_interval, paired_interval

RNG = np.random.default_rng(3)


def test_the_difference_is_that_of_the_mean_accuracies():
    found = paired_interval([[1, 1, 0, 1], [1, 0, 0, 1]], [[0, 1, 0, 0]])
    assert found.difference == pytest.approx(62.5 - 25)
    assert found.low <= found.difference <= found.high


def test_the_interval_of_independent_images_is_that_of_the_normal_approximation():
    # gains are +1, 0 or -1 with known variance: 1.96 standard errors of the mean to each side
    first, second = RNG.random((1, 2000)) < 0.8, RNG.random((1, 2000)) < 0.7
    error = 100 * (first.astype(float) - second).std() / np.sqrt(2000)
    found = paired_interval(first, second)
    assert found.high - found.difference == pytest.approx(1.96 * error, rel=0.1)
    assert found.difference - found.low == pytest.approx(1.96 * error, rel=0.1)


def test_pairing_removes_what_both_find_hard():
    hard = RNG.random((1, 1000)) < 0.5
    better = hard.copy()
    better[:, :50] = True  # about 25 images more
    paired = paired_interval(better, hard)
    assert paired.low > 0
    assert paired.high - paired.low < 3  # unpaired, the error of each alone is 1.6


def test_equal_answers_have_no_interval():
    same = np.repeat(RNG.random((1, 40)) < 0.5, 3, axis=0)
    assert paired_interval(same, same) == paired_interval(same[:1], same[:1]) == (0, 0, 0)


def test_the_other_way_round_the_interval_is_the_same_with_other_signs():
    first, second = RNG.random((2, 50)) < 0.8, RNG.random((3, 50)) < 0.7
    found, turned = paired_interval(first, second), paired_interval(second, first)
    assert turned == pytest.approx((-found.difference, -found.high, -found.low))


def test_other_images_are_refused():
    with pytest.raises(ValueError, match="40 and 30 images"):
        paired_interval(np.ones((2, 40)), np.ones((2, 30)))


def test_without_images_the_interval_is_that_of_welchs_test():
    """Every image is as every other, so only runs differ: accuracies of 0 or 100 %, compared with scipy's."""
    first, second = np.repeat([[1], [0], [1], [1]], 9, axis=1), np.repeat([[0], [1], [0]], 9, axis=1)
    found = paired_interval(first, second)
    welch = ttest_ind(100 * first[:, 0], 100 * second[:, 0], equal_var=False).confidence_interval(0.95)
    assert found == pytest.approx((75 - 100 / 3, welch.low, welch.high))


def test_of_one_image_only_runs_are_known():
    first, second = [[1], [0]], [[0], [0], [1]]
    welch = ttest_ind([100, 0], [0, 0, 100], equal_var=False).confidence_interval(0.95)
    assert paired_interval(first, second) == pytest.approx((50 - 100 / 3, welch.low, welch.high))
    assert paired_interval([[1]], [[0]]) == (100, 100, 100)


def test_images_and_runs_are_independent_parts_of_one_variance():
    """By Satterthwaite's formula, with variances from the standard library."""
    first, second = [[1, 1, 0, 1, 1], [1, 0, 0, 1, 1]], [[0, 1, 0, 1, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0]]
    shares = [[fmean(answers) for answers in zip(*side, strict=True)] for side in (first, second)]  # right, by image
    gains = [100 * (one - other) for one, other in zip(*shares, strict=True)]
    samples = [gains, *([100 * fmean(run) for run in side] for side in (first, second))]
    errors = [(variance(sample) / len(sample), len(sample) - 1) for sample in samples]
    total = sum(error for error, _ in errors)
    half = t.ppf(0.975, total**2 / sum(error**2 / freedom for error, freedom in errors)) * total**0.5
    middle = 70 - 100 * 4 / 15
    assert paired_interval(first, second) == pytest.approx((middle, middle - half, middle + half))


def test_one_run_of_a_side_covers_images_only():
    """Three runs that differ by 50 points, and one: nothing is known of how much the one would."""
    several, one = np.ones((3, 400)), np.ones((1, 400))
    several[0, ::2], one[0, :40] = 0, 0
    gains = 100 * (several.mean(0) - one[0])
    error = gains.std(ddof=1) / 20
    assert paired_interval(several, one).high - gains.mean() == pytest.approx(1.966 * error, rel=1e-3)  # t of 399


def test_the_interval_of_draws_is_students():
    # mean 2, sample deviation 1, t of 2 degrees of freedom 4.303
    assert mean_interval([1, 2, 3]) == pytest.approx((2, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-3)


@pytest.mark.parametrize("spread", [0, 0.4, 0.88, 1.5, 1.9], ids="runs {} points apart".format)
def test_the_interval_covers_the_true_difference(spread: float):
    """Of 300 experiments with 3 runs a side, 2,000 images and a true difference of 3 points.

    Every experiment draws images, each with its own chance to be right, and runs, each with its own shift of all
    chances by `spread` points (a standard deviation). A bootstrap over images covers 95 to 63 %.
    """
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        chance = 0.1 + 0.8 * rng.beta(1.5, 0.6, 2000).astype(np.float32)
        shift = rng.normal(0, spread / 100, (2, 3, 1)).astype(np.float32)
        first, second = rng.random((2, 3, 2000), np.float32) < chance - [[[0]], [[0.03]]] + shift
        found = paired_interval(first, second)
        covered += found.low <= 3 <= found.high
    assert covered / 300 >= 0.93
