"""Linear heads over an encoder's image features: from class names, from the seed images, or a blend of both.

All give probabilities softmax(scale * (features @ weight + bias)) and are calibrated to the same scale, the encoder's
own (`Guide.logit_scale`), so that a `logit_scale` in the settings means the same whatever the head.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import torch
from scipy.optimize import minimize_scalar
from sklearn.covariance import ledoit_wolf_shrinkage
from torch import Tensor
from torch.nn.functional import log_softmax

from guided_imagination.config.models import HeadChoice

HeadName = Literal["text", "seeds", "both"]
HEADS: tuple[HeadName, ...] = get_args(HeadName)  # among equals, `auto` takes the first
LEFT_OUT = 20_000  # seed images, evenly spaced, that shrinkage and calibration are chosen on
CONFUSIONS = 20  # pairs of classes that are recorded
SHARES = [tenths / 10 for tenths in range(11)]  # of the text in a blend
EXPONENTS = (-4, 4)  # of 10, bounds of the calibration

Features = Callable[[], Iterable[tuple[Tensor, Tensor]]]  # batches of unit-norm features (N, D) and labels (N,), again


@dataclass(frozen=True)
class Head:
    """`weight` (C, D) and `bias` (C,), float32."""

    weight: Tensor
    bias: Tensor

    def log_probs(self, features: Tensor, logit_scale: float) -> Tensor:
        """Log-probabilities (N, C) of unit-norm features (N, D)."""
        with torch.autocast(features.device.type, enabled=False):  # a scale of 100 leaves 16 bits no digits
            return log_softmax(logit_scale * features.float() @ self.weight.T + logit_scale * self.bias, dim=-1)

    def scaled(self, factor: float) -> Self:
        return type(self)(factor * self.weight, factor * self.bias)


@dataclass(frozen=True)
class LeftOut:
    """Scores (N, C) of each seed image by a head that was fitted without it, and its label (N,).

    A class whose only seed image is left out has the score -inf: it cannot be recognised.
    """

    scores: Tensor
    labels: Tensor

    @property
    def predictions(self) -> Tensor:
        return self.scores.argmax(1)

    @property
    def accuracy(self) -> float:
        return (self.predictions == self.labels).double().mean().item()

    def recognisable(self) -> "LeftOut":
        """Without the only seed image of a class."""
        rows = self.scores.isfinite().all(1)
        return LeftOut(self.scores[rows], self.labels[rows])

    def calibration(self) -> tuple[float, float]:
        """The scale at which the probabilities are calibrated, and their mean loss in nats there.

        By maximum likelihood against targets of 1 - 1 / (N + 2) for the label (after Platt 1999), without which the
        scale would grow without bound where all N images are recognised. Raises ValueError without images.
        """
        if not len(self.labels):
            raise ValueError("there is no image to calibrate on")
        scores, count = self.scores.double(), len(self.labels)
        spread = 1 / (count + 2)

        def loss(exponent: float) -> float:
            log_probs = log_softmax(10**exponent * scores, 1)
            own = log_probs.gather(1, self.labels[:, None]).mean()
            return -((1 - spread) * own + spread * log_probs.mean()).item()

        found = minimize_scalar(loss, bounds=EXPONENTS, method="bounded")
        return 10 ** float(found.x), float(found.fun)


@dataclass(frozen=True)
class Discriminant:
    """Linear discriminant analysis of unit-norm features, with a shrunk covariance.

    Classes are Gaussians of equal prior and of one covariance (GDA, arXiv 2402.04087). mean: (C, D); precision: (D, D),
    the inverse of (1 - shrinkage) S / (N - C) + shrinkage m I, with S the within-class scatter and m the mean of its
    diagonal (Ledoit and Wolf 2004); counts: (C,). With one seed image per class there is no covariance, and the
    precision is I: nearest class mean. All float64.
    """

    mean: Tensor
    precision: Tensor
    counts: Tensor
    shrinkage: float

    @property
    def head(self) -> Head:
        """Scores -1/2 |f - mean|^2 in the metric of the precision, without the term that all classes share."""
        weight = self.mean @ self.precision
        return Head(weight.float(), (-0.5 * (weight * self.mean).sum(1)).float())

    def left_out(self, features: Tensor, labels: Tensor) -> Tensor:
        """Scores (N, C) of features (N, D) that it was fitted to, each as if it had been left out; exact.

        Without one image of class c, its mean moves by r / (n_c - 1) and S loses n_c / (n_c - 1) r r', r its residual:
        a rank-one update of the precision (Sherman and Morrison).
        """
        f, rows = features.double(), torch.arange(len(labels))
        count = self.counts[labels].double()
        alone = count < 2
        grown = torch.where(alone, 1.0, count / (count - 1).clamp(min=1))
        residual = f - self.mean[labels]
        moved = residual @ self.precision  # (N, D)
        weight = self.mean @ self.precision
        from_mean = (f @ self.precision * f).sum(1)[:, None] - 2 * f @ weight.T + (weight * self.mean).sum(1)
        along = (moved * f).sum(1)[:, None] - moved @ self.mean.T  # r' P (f - mean_c) (N, C)
        own = (moved * residual).sum(1)
        from_mean[rows, labels] = grown.square() * own
        along[rows, labels] = grown * own
        share = self._share * grown
        distance = from_mean + (share / (1 - share * own).clamp(min=1e-12))[:, None] * along.square()
        scores = -0.5 * distance
        scores[rows[alone], labels[alone]] = -torch.inf
        return scores

    @property
    def _share(self) -> float:
        """The weight of one residual in the covariance."""
        freedom = int(self.counts.sum()) - len(self.counts)
        return (1 - self.shrinkage) / freedom if freedom > 0 else 0.0


@dataclass(frozen=True)
class Fitted:
    """A head with what it scores on the seed images, each left out; `text_share` is the text's share of the blend."""

    name: HeadName
    head: Head
    left_out: LeftOut
    text_share: float


def fit_head(choice: HeadChoice, batches: Features, text: Head | None, classes: int, logit_scale: float) -> Fitted:
    """The chosen head from seed images; `auto` is the one that recognises most of them when they are left out.

    text: the head of the class names, None for an encoder without words. logit_scale: the encoder's own. The share of
    the text in `both` is the one of least loss on the left-out seed images.
    Raises ValueError for a head that needs words of an encoder without, and for a class without seed images.
    """
    if text is None and choice in ("text", "both"):
        raise ValueError(f"head {choice!r} needs class names in words, which this encoder does not read")
    if choice == "text":
        assert text is not None
        features, labels = some(batches)
        return _by_text(text, features, labels)
    discriminant = fit(batches, classes)
    features, labels = some(batches)
    scores = LeftOut(discriminant.left_out(features, labels), labels)
    known = scores.recognisable()
    scale = known.calibration()[0] if len(known.labels) else 1.0
    seeds = Fitted("seeds", discriminant.head.scaled(scale / logit_scale), scores, 0.0)
    if text is None or choice == "seeds":
        return seeds
    found = {"text": _by_text(text, features, labels), "seeds": seeds}
    found["both"] = _blend(found["text"], seeds, scale, logit_scale)
    if choice == "auto":
        return max((found[name] for name in HEADS), key=lambda fitted: fitted.left_out.accuracy)
    return found[choice]


def _by_text(text: Head, features: Tensor, labels: Tensor) -> Fitted:
    return Fitted("text", text, LeftOut(features @ text.weight.T + text.bias, labels), 1.0)


def _blend(text: Fitted, seeds: Fitted, scale: float, logit_scale: float) -> Fitted:
    """Scores `share` * text + (1 - share) * seeds, both calibrated before; calibrated again."""
    rows = seeds.left_out.scores.isfinite().all(1)
    labels = text.left_out.labels
    if not rows.any():
        return Fitted("both", text.head, text.left_out, 1.0)

    def scores(share: float) -> Tensor:
        words = share * logit_scale * text.left_out.scores.double()
        return words if share == 1 else words + (1 - share) * scale * seeds.left_out.scores

    tried = {share: LeftOut(scores(share)[rows], labels[rows]).calibration() for share in SHARES}
    share = min(tried, key=lambda share: tried[share][1])
    factor = tried[share][0]
    words, images = text.head.scaled(share * factor), seeds.head.scaled((1 - share) * factor)
    blended = Head(words.weight + images.weight, words.bias + images.bias)
    return Fitted("both", blended, LeftOut(scores(share), labels), share)


def some(batches: Features) -> tuple[Tensor, Tensor]:
    """Features and labels of at most LEFT_OUT seed images, evenly spaced."""
    total = sum(len(labels) for _, labels in batches())
    step, start, parts = -(-total // LEFT_OUT) or 1, 0, []
    for features, labels in batches():
        rows = slice(-start % step, None, step)
        parts.append((features[rows], labels[rows]))
        start += len(labels)
    return torch.cat([features for features, _ in parts]), torch.cat([labels for _, labels in parts])


def describe(fitted: Fitted, class_names: list[str]) -> dict[str, Any]:
    """What a manifest keeps of a head: percentages on left-out seed images, and which classes it confuses most."""
    labels, predictions = fitted.left_out.labels, fitted.left_out.predictions
    right = labels == predictions
    by_class = {
        name: round(100 * right[labels == label].double().mean().item(), 1)
        for label, name in enumerate(class_names)
        if (labels == label).any()
    }
    pairs = Counter(zip(labels[~right].tolist(), predictions[~right].tolist(), strict=True)).most_common(CONFUSIONS)
    return {
        "head": fitted.name,
        "text_share": round(fitted.text_share, 2),
        "accuracy_by_class": by_class,
        "confusions": [[class_names[true], class_names[taken], count] for (true, taken), count in pairs],
    }


def fit(batches: Features, classes: int) -> Discriminant:
    """The discriminant of all features, which are streamed twice: memory does not grow with their number.

    Raises ValueError for a class without features.
    """
    counts, total = torch.zeros(classes, dtype=torch.long), None
    for features, labels in batches():
        total = torch.zeros(classes, features.shape[1], dtype=torch.double) if total is None else total
        total.index_add_(0, labels, features.double())
        counts += torch.bincount(labels, minlength=classes)
    if total is None or not counts.all():
        raise ValueError(f"class {int((counts == 0).nonzero()[0])} has no features")
    mean, freedom = total / counts[:, None], int(counts.sum()) - classes
    identity = torch.eye(mean.shape[1], dtype=torch.double)
    if not freedom:
        return Discriminant(mean, identity, counts, 1.0)
    scatter = torch.zeros_like(identity)
    for features, labels in batches():
        residual = features.double() - mean[labels]
        scatter += residual.T @ residual
    features, labels = some(batches)
    shrinkage = float(ledoit_wolf_shrinkage((features.double() - mean[labels]).numpy(), assume_centered=True))
    covariance = scatter / freedom
    level = covariance.diagonal().mean()
    shrunk = (1 - shrinkage) * covariance + shrinkage * level * identity
    return Discriminant(mean, torch.linalg.inv(shrunk), counts, shrinkage)
