"""What is measured of a classifier: percentages, and a calibration error in [0, 1]."""

import pandas as pd
from sklearn.metrics import f1_score, roc_auc_score
from torch import Tensor

METRICS = ["accuracy", "top5", "macro_f1", "auc", "ece"]
MANY = 10  # classes; top-5 says little about fewer


def classification_metrics(logits: Tensor, labels: Tensor) -> dict[str, float | None]:
    """Every metric of METRICS for logits (N, C) and labels (N,).

    Accuracy, top-5 (more than MANY classes only), macro-F1 and AUC (one class against the rest, averaged) are in
    percent; None where a metric is not defined, such as the AUC without an image of every class.
    """
    classes, probabilities = logits.shape[1], logits.double().softmax(1)
    predicted = logits.argmax(1)
    scores = probabilities[:, 1] if classes == 2 else probabilities
    defined = len(labels.unique()) == classes > 1
    return {
        "accuracy": 100 * (predicted == labels).float().mean().item(),
        "top5": 100 * top_k(logits, labels, 5) if classes > MANY else None,
        "macro_f1": 100 * float(f1_score(labels, predicted, average="macro")),
        "auc": 100 * float(roc_auc_score(labels, scores, multi_class="ovr")) if defined else None,
        "ece": calibration_error(probabilities, labels),
    }


def top_k(logits: Tensor, labels: Tensor, k: int) -> float:
    """Share of images whose label is among the `k` highest of (N, C) logits."""
    return (logits.topk(k, 1).indices == labels[:, None]).any(1).double().mean().item()


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Expected calibration error in [0, 1] of (N, C) probabilities (Guo et al. 2017, equation 3).

    The mean over images of the gap between confidence and accuracy in their bin of equal width.
    """
    confidence, predicted = probabilities.max(1)
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gaps = confidence.new_zeros(bins).index_add(0, place, confidence - (predicted == labels).to(confidence))
    return gaps.abs().sum().item() / len(labels)


def predictions(logits: Tensor, labels: Tensor) -> pd.DataFrame:
    """One row per image: label, prediction, correct, confidence (the prediction's probability)."""
    confidence, predicted = logits.double().softmax(1).max(1)
    columns = {"label": labels, "prediction": predicted, "correct": predicted == labels, "confidence": confidence}
    return pd.DataFrame({name: column.numpy() for name, column in columns.items()})
