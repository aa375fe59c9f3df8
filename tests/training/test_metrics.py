import math
from fractions import Fraction

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from guided_imagination.training.metrics import METRICS, calibration_error, classification_metrics, predictions


def logits(*probabilities):
    return torch.tensor(probabilities).log()


def test_two_classes_by_hand():
    # predicted 0, 0, 1, 1; the second is wrong
    scores = logits([0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7])
    labels = torch.tensor([0, 1, 1, 1])
    measured = classification_metrics(scores, labels)
    assert list(measured) == METRICS
    assert measured["accuracy"] == pytest.approx(75)
    # class 0: precision 1/2, recall 1; class 1: precision 1, recall 2/3
    assert measured["macro_f1"] == pytest.approx(100 * (2 / 3 + 4 / 5) / 2)
    assert measured["auc"] == pytest.approx(100)  # every 1 has a higher chance of being 1 than the 0
    assert measured["ece"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.3) / 4)  # four bins of one image each
    assert measured["top5"] is None


def test_the_auc_counts_pairs_in_the_right_order():
    # of the four pairs of a 0 and a 1, one is in the wrong order
    scores = logits([0.9, 0.1], [0.5, 0.5], [0.6, 0.4], [0.2, 0.8])
    assert classification_metrics(scores, torch.tensor([0, 0, 1, 1]))["auc"] == pytest.approx(75)


def test_the_auc_of_several_classes_is_the_mean_of_each_against_the_rest():
    scores = logits([0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.5, 0.2, 0.3], [0.4, 0.1, 0.5])
    labels = torch.tensor([0, 1, 2, 2])
    # class 0: 3 of 3 pairs right; class 1: 3 of 3; class 2: 4 of 4
    assert classification_metrics(scores, labels)["auc"] == pytest.approx(100)


def test_without_an_image_of_every_class_there_is_no_auc():
    assert classification_metrics(logits([0.9, 0.1], [0.6, 0.4]), torch.tensor([0, 0]))["auc"] is None


def test_of_one_class_everything_is_right_and_there_is_no_auc():
    measured = classification_metrics(torch.tensor([[2.0], [-1.0]]), torch.tensor([0, 0]))
    assert measured == {"accuracy": 100, "top5": None, "macro_f1": 100, "auc": None, "ece": 0}


def test_the_auc_tells_very_sure_predictions_apart():
    # 1 - 2e-9 and 1 - 9e-14, which are both 1 in single precision
    scores = torch.tensor([[0.0, 20.0], [0.0, 30.0]])
    assert classification_metrics(scores, torch.tensor([0, 1]))["auc"] == pytest.approx(100)


def test_top5_is_measured_of_more_than_ten_classes_only():
    scores = torch.arange(11.0).repeat(4, 1)  # class 10 is the highest, then 9, 8, 7, 6
    labels = torch.tensor([10, 6, 5, 0])
    measured = classification_metrics(scores, labels)
    assert measured["accuracy"] == pytest.approx(25)
    assert measured["top5"] == pytest.approx(50)
    assert classification_metrics(scores[:, :10], torch.tensor([9, 0, 0, 0]))["top5"] is None


def test_calibration_error_weighs_bins_by_their_images():
    # bin (0.6, 0.667]: three images, confidence 0.65, two right; bin (0.933, 1]: one image, confidence 1, right
    probabilities = torch.tensor([[0.65, 0.35]] * 3 + [[1.0, 0.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 1, 0])
    assert calibration_error(probabilities, labels) == pytest.approx(3 / 4 * abs(2 / 3 - 0.65))


def error_of(*images, **settings):
    """The calibration error of images by their confidence and whether the prediction is right."""
    confidence = torch.tensor([sure for sure, _ in images], dtype=torch.float64)
    rest = (1 - confidence) / 2
    labels = torch.tensor([0 if right else 1 for _, right in images])
    return calibration_error(torch.stack([confidence, rest, rest], 1), labels, **settings)


def test_a_bin_of_the_calibration_error_ends_with_its_upper_edge():
    # Guo et al.: I_m = ((m - 1) / M, m / M]; the edges of four bins are exact numbers
    assert error_of((0.75, True), (0.625, False), bins=4) == (0.75 + 0.625 - 1) / 2  # both in (0.5, 0.75]
    assert error_of((0.75, True), (0.875, False), bins=4) == (0.25 + 0.875) / 2
    assert error_of((0.5, True), (0.625, False), bins=4) == (0.5 + 0.625) / 2
    assert error_of((1.0, False), (0.875, True), bins=4) == (1 + 0.875 - 1) / 2  # both in (0.75, 1]


@given(st.lists(st.tuples(st.integers(334, 1000), st.booleans()), min_size=1, max_size=40))
def test_the_calibration_error_has_fifteen_bins(images):
    gaps = [0.0] * 15
    for thousandths, right in images:
        gaps[math.ceil(Fraction(15 * thousandths, 1000)) - 1] += thousandths / 1000 - right
    error = error_of(*((thousandths / 1000, right) for thousandths, right in images))
    assert error == pytest.approx(sum(map(abs, gaps)) / len(images))


def test_over_and_under_confidence_in_different_bins_do_not_cancel():
    probabilities = torch.tensor([[0.9, 0.1], [0.6, 0.4]], dtype=torch.float64)
    assert calibration_error(probabilities, torch.tensor([1, 0])) == pytest.approx((0.9 + 0.4) / 2)


def test_predictions_are_one_row_per_image_in_order():
    table = predictions(logits([0.9, 0.1], [0.4, 0.6]), torch.tensor([0, 0]))
    expected = {"label": [0, 0], "prediction": [0, 1], "correct": [True, False], "confidence": [0.9, 0.6]}
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected), check_dtype=False, atol=1e-6)
