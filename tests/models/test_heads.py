"""Heads learned from seed images, against fits without each image, scikit-learn's, and what calibration means."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch.nn.functional import normalize

from guided_imagination.models import heads
from guided_imagination.models.heads import Head, LeftOut, describe, fit, fit_head

SCALE = 20.0


def clouds(counts, width=6, spread=0.5, seed=0):
    """Unit-norm features around one random direction per class, and the directions."""
    rng = torch.Generator().manual_seed(seed)
    centres = normalize(torch.randn(len(counts), width, generator=rng), dim=1)
    labels = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    noise = torch.linspace(0.2, 1.4, width) * torch.randn(len(labels), width, generator=rng)
    return normalize(centres[labels] + spread * noise, dim=1), labels, centres


def streamed(features, labels, size=7):
    return lambda: zip(features.split(size), labels.split(size), strict=True)


def score(head, features):
    return features.double() @ head.weight.double().T + head.bias.double()


@pytest.mark.parametrize("counts", [[5, 5, 5], [2, 9, 4], [1, 6, 3]], ids=["even", "uneven", "one alone"])
def test_left_out_scores_are_those_of_a_fit_without_the_image(counts):
    features, labels, _ = clouds(counts)
    fitted = fit(streamed(features, labels), len(counts))
    found = fitted.left_out(features, labels)
    freedom, spread = len(labels) - len(counts), fitted.mean[labels]
    level = (features.double() - spread).square().sum(0).div(freedom).mean()
    for row in range(len(labels)):
        rest = torch.arange(len(labels)) != row
        f, y = features[rest].double(), labels[rest]
        known = [label for label in range(len(counts)) if (y == label).any()]
        mean = torch.stack([f[y == label].mean(0) for label in known])
        residual = f - mean[torch.tensor([known.index(label) for label in y.tolist()])]
        covariance = (1 - fitted.shrinkage) * residual.T @ residual / freedom
        precision = torch.linalg.inv(covariance + fitted.shrinkage * level * torch.eye(6, dtype=torch.double))
        away = features[row].double() - mean
        expected = -0.5 * (away @ precision * away).sum(1)
        torch.testing.assert_close(found[row, known], expected, atol=1e-6, rtol=1e-6)
        if labels[row] not in known:
            assert found[row, labels[row]] == -torch.inf


def test_it_is_the_discriminant_analysis_of_scikit_learn():
    features, labels, _ = clouds([8, 8, 8, 8])
    fitted = fit(streamed(features, labels), 4)
    peer = LinearDiscriminantAnalysis(solver="lsqr", priors=[0.25] * 4, covariance_estimator=Known(fitted))
    peer.fit(features.double().numpy(), labels.numpy())
    others, _, _ = clouds([20, 20, 20, 20], seed=3)
    expected = peer.decision_function(others.double().numpy())
    found = score(fitted.head, others).numpy()
    np.testing.assert_allclose(found - found[:, :1], expected - expected[:, :1], atol=1e-3)
    covariance = np.linalg.inv(fitted.precision.numpy())
    residual = (features.double() - fitted.mean[labels]).numpy()
    own = residual.T @ residual / (32 - 4)
    np.testing.assert_allclose(np.trace(covariance), np.trace(own))  # shrinking keeps it
    assert 0 < fitted.shrinkage < 1


class Known:
    """An estimator of covariance for scikit-learn that has been fitted."""

    def __init__(self, fitted):
        self.fitted = fitted

    def fit(self, features):
        self.covariance_ = np.linalg.inv(self.fitted.precision.numpy())
        return self


def test_batches_change_nothing():
    features, labels, _ = clouds([9, 4, 12])
    one, other = (fit(streamed(features, labels, size), 3) for size in (1, 25))
    torch.testing.assert_close(one.precision, other.precision)
    torch.testing.assert_close(one.mean, other.mean)


def test_one_image_per_class_is_the_nearest_class():
    features, labels, centres = clouds([1, 1, 1])
    fitted = fit_head("seeds", streamed(features, labels), None, 3, SCALE)
    others, _, _ = clouds([30, 30, 30], spread=0.1)
    nearest = torch.cdist(others, features).argmin(1)
    assert torch.equal(fitted.head.log_probs(others, SCALE).argmax(1), nearest)
    assert fitted.left_out.accuracy == 0  # nothing is left of a class without its only image
    assert fit_head("auto", streamed(features, labels), Head(centres, torch.zeros(3)), 3, SCALE).name == "text"


def test_a_class_without_images_is_named():
    features, labels, _ = clouds([3, 0, 2])
    with pytest.raises(ValueError, match="class 1 has no features"):
        fit(streamed(features, labels), 3)


def test_probabilities_are_calibrated_at_the_encoders_own_scale():
    """Of images that it was not fitted to, it is right as often as it says."""
    features, labels, _ = clouds([30] * 4, spread=0.8)
    others, true, _ = clouds([500] * 4, spread=0.8)
    for scale in (1.0, 20.0, 100.0):
        fitted = fit_head("seeds", streamed(features, labels), None, 4, scale)
        probabilities = fitted.head.log_probs(others, scale).exp()
        right = (probabilities.argmax(1) == true).float().mean()
        assert 0.5 < right < 0.9
        assert abs(probabilities.amax(1).mean() - right) < 0.06
        assert abs(fitted.left_out.accuracy - right) < 0.08


def test_a_few_images_that_are_all_recognised_do_not_make_it_certain():
    features, labels, _ = clouds([3, 3], spread=0.01)
    fitted = fit_head("seeds", streamed(features, labels), None, 2, SCALE)
    assert fitted.left_out.accuracy == 1
    assert fitted.head.log_probs(features, SCALE).exp().amax() < 0.99


@pytest.mark.parametrize("texts", ["know", "guess"])
def test_the_blend_asks_the_text_as_far_as_it_knows(texts):
    features, labels, centres = clouds([5] * 3, spread=0.9)
    other = clouds([1] * 3, seed=5)[2]
    text = Head(centres if texts == "know" else other, torch.zeros(3))
    blend = fit_head("both", streamed(features, labels), text, 3, SCALE)
    alone = fit_head("seeds", streamed(features, labels), text, 3, SCALE)
    assert blend.text_share >= 0.3 if texts == "know" else blend.text_share <= 0.2
    assert blend.left_out.calibration()[1] <= alone.left_out.calibration()[1] + 1e-6


@pytest.mark.parametrize(("texts", "expected"), [("know", {"text", "both"}), ("guess", {"seeds", "both"})])
def test_auto_is_the_head_that_recognises_most_of_what_is_left_out(texts, expected):
    features, labels, centres = clouds([8] * 3, spread=0.9)
    text = Head(centres if texts == "know" else -centres, torch.zeros(3))
    found = {name: fit_head(name, streamed(features, labels), text, 3, SCALE) for name in (*heads.HEADS, "auto")}
    best = max(found[name].left_out.accuracy for name in heads.HEADS)
    assert found["auto"].left_out.accuracy == best
    assert found["auto"].name in expected


def test_equals_go_to_the_text():
    features, labels, centres = clouds([6] * 3, spread=0.01)
    assert fit_head("auto", streamed(features, labels), Head(centres, torch.zeros(3)), 3, SCALE).name == "text"


@pytest.mark.parametrize("choice", ["text", "both"])
def test_words_are_needed_for_a_head_of_words(choice):
    features, labels, _ = clouds([2, 2])
    with pytest.raises(ValueError, match="needs class names in words, which this encoder does not read"):
        fit_head(choice, streamed(features, labels), None, 2, SCALE)
    assert fit_head("auto", streamed(features, labels), None, 2, SCALE).name == "seeds"


def test_the_words_head_is_as_it_was():
    features, labels, centres = clouds([2, 2])
    text = Head(centres, torch.zeros(2))
    fitted = fit_head("text", streamed(features, labels), text, 2, SCALE)
    assert fitted.head is text
    torch.testing.assert_close(fitted.left_out.scores, features @ centres.T)


def test_many_images_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(heads, "LEFT_OUT", 10)
    features, labels = torch.arange(25.0)[:, None], torch.arange(25) % 5
    kept, of = heads.some(streamed(features, labels))
    assert kept[:, 0].tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24]
    assert of.tolist() == [0, 3, 1, 4, 2, 0, 3, 1, 4]


def test_what_is_recorded():
    scores = torch.tensor([[2.0, 1, 0], [0, 1, 2], [0, 2, 1], [0, 1, 2]])
    left = LeftOut(scores, torch.tensor([0, 0, 1, 1]))
    fitted = heads.Fitted("both", Head(torch.zeros(3, 2), torch.zeros(3)), left, 0.3)
    assert describe(fitted, ["cat", "dog", "cow"]) == {
        "head": "both",
        "text_share": 0.3,
        "accuracy_by_class": {"cat": 50.0, "dog": 50.0},
        "confusions": [["cat", "cow", 1], ["dog", "cow", 1]],
    }


def test_a_guide_takes_another_head_and_keeps_its_own(guide):
    head = Head(torch.randn(5, guide.width), torch.randn(5))
    other = guide.with_head(head)
    images = torch.rand(2, 3, 16, 16, requires_grad=True)
    features = other.features(images)
    torch.testing.assert_close(features, guide.features(images))
    expected = torch.log_softmax(7 * (features @ head.weight.T + head.bias), 1)
    torch.testing.assert_close(other.log_probs(features, 7), expected)
    other.log_probs(features, 7)[0, 0].backward()
    assert images.grad.abs().sum() > 0
    assert guide.log_probs(features).shape == (2, len(guide.head))
