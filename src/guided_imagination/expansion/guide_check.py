"""Whether a guide knows the classes that it is to guide to: asked on the seeds, before anything is made."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from guided_imagination.utils.errors import InputError, Remedy

logger = logging.getLogger(__name__)
CONFIDENCE = 0.01  # the chance to take a guide that guesses for one that knows
HOW = {"text": "zero-shot", "seeds": "leave-one-out", "both": "leave-one-out"}


def agreement(labels: ArrayLike, predictions: ArrayLike, classes: int) -> dict[str, float]:
    """How well predictions (N,) agree with labels (N,), both in [0, classes).

    accuracy: the share that agrees; chance: the share that would if predictions were shuffled; kappa: Cohen's,
    (accuracy - chance) / (1 - chance), 1 for agreement and about 0 for guesses, also where one class is frequent;
    p: the probability of so much agreement by chance (binomial test).
    """
    true, said = np.asarray(labels), np.asarray(predictions)
    agreed = int((true == said).sum())
    shares = [np.bincount(values, minlength=classes) / len(true) for values in (true, said)]
    chance = float(shares[0] @ shares[1])
    accuracy = agreed / len(true)
    kappa = float(cohen_kappa_score(true, said)) if chance < 1 else 1.0  # all is of one class, and all agrees
    p = float(binomtest(agreed, len(true), min(chance, 1.0), alternative="greater").pvalue)
    return {"accuracy": accuracy, "chance": chance, "kappa": kappa, "p": p}


def judge(method: str, found: Mapping[str, Any], names: Sequence[str], least_kappa: float | None) -> None:
    """Log what `agreement` has found on `seeds` images of the classes `names` by the head `head`.

    Raises InputError if `least_kappa` is given and the guide agrees less, or not clearly more than by chance.
    """
    how = HOW[found.get("head", "text")]  # 0.6.0 knew no other
    accuracy = f"{how} accuracy on the {found['seeds']} seed images is {100 * found['accuracy']:.1f} %"
    beside = f"chance {100 * found['chance']:.1f} %, kappa {found['kappa']:.2f}"
    logger.info("%s: the guide's %s (%s)", method, accuracy, beside)
    if least_kappa is not None and (found["kappa"] < least_kappa or found["p"] > CONFIDENCE):
        raise InputError(
            f"{method}: the guide does not recognise these {len(names)} classes: its {accuracy} ({beside}; "
            f"{least_kappa:g} required), so it can neither guide nor filter",
            Remedy.OTHER_GUIDE,
        )
