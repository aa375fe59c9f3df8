"""What is done once, before the first shard: the guide looks at the seed images, and all features are planned.

Every seed image passes the guide's image encoder here and nowhere else; shards read its embedding from a file.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load_file, save_file
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score
from torch import Tensor
from torch.nn.functional import normalize

from guided_imagination.data.dataset import class_names, forget, to_tensors
from guided_imagination.expansion import store, targets
from guided_imagination.expansion.augmenters import Augmenter, Imagination
from guided_imagination.expansion.plan import Plan
from guided_imagination.models.heads import Head, describe
from guided_imagination.utils.arrays import create
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.errors import InputError, Remedy
from guided_imagination.utils.progress import progress

EMBEDDINGS, HEAD, UNFINISHED = "seeds.npy", "head.safetensors", "seeds.unfinished"
AT_ONCE = 4096  # embeddings in memory while a head is learned
CONFIDENCE = 0.01  # the chance to take a guide that guesses for one that knows
HOW = {"text": "zero-shot", "seeds": "leave-one-out", "both": "leave-one-out"}


@dataclass(frozen=True)
class Prepared:
    """An augmenter with the head that the seed images chose, the seeds' embeddings (N, D), and the planned features."""

    augmenter: Augmenter
    embeddings: NDArray[Any] | None
    targets: NDArray[Any] | None

    @classmethod
    def read(cls, folder: Path, plan: Plan, augmenter: Augmenter) -> "Prepared":
        """What `prepare` has left in `folder`."""
        seen = np.load(folder / EMBEDDINGS, mmap_mode="r") if (folder / EMBEDDINGS).exists() else None
        return cls(_with_kept_head(folder, augmenter), seen, targets.read(folder) if plan.targets else None)


def prepare(folder: Path, plan: Plan, augmenter: Augmenter) -> None:
    """Make what shards need and is not in `folder` yet; a killed run continues.

    Raises InputError for a guide that does not recognise the classes.
    """
    clock = Clock()
    with clock("prepare"):
        store.find(folder, "models", plan.models)
        store.find(folder, "settings", plan.record)
        embeddings = _embeddings(folder, plan, augmenter)
        if embeddings is not None:
            augmenter = _with_head(folder, plan, augmenter, embeddings)
        if plan.targets is not None:
            assert isinstance(augmenter, Imagination)
            assert embeddings is not None
            targets.make(folder, plan.seeds, plan.targets, augmenter, embeddings)
    store.spent(folder, clock)


def _embeddings(folder: Path, plan: Plan, augmenter: Augmenter) -> NDArray[Any] | None:
    """The guide's embeddings (N, D) of the seeds as they are kept, in a file; None where there is no guide.

    By the batches of the shards, as another number at once would round differently.
    """
    if store.kept_file(folder, EMBEDDINGS):
        return np.load(folder / EMBEDDINGS, mmap_mode="r")
    array = None
    with progress("encoding seed images", len(plan.seeds), unit="images") as bar:
        for shard in range(plan.shards):
            for start, seeds in plan.shard_seeds(shard):
                pixels, _ = to_tensors(seeds, plan.resolution)
                embedded = augmenter.embed(pixels.float() / 255)
                if embedded is None:
                    return None
                if array is None:
                    array = create(folder / UNFINISHED, (len(plan.seeds), embedded.shape[1]), np.float32)
                array[start : start + len(seeds)] = embedded.numpy()
                bar.update(len(seeds))
            forget(plan.seeds)
    assert array is not None
    array.flush()
    return np.load(store.keep_file(folder, folder / UNFINISHED, EMBEDDINGS), mmap_mode="r")


def _with_head(folder: Path, plan: Plan, augmenter: Augmenter, embeddings: NDArray[Any]) -> Augmenter:
    """The augmenter with its head, once it is known how well that recognises seed images; measured once."""
    names, found = class_names(plan.seeds), store.found(folder, "guide")
    if found is None:
        labels = torch.tensor(plan.seeds["label"][:])

        def batches() -> Iterator[tuple[Tensor, Tensor]]:
            for rows in torch.arange(len(labels)).split(AT_ONCE):
                yield normalize(torch.from_numpy(embeddings[rows]), dim=1), labels[rows]

        fitted = augmenter.fit(plan.head, batches, len(names))
        if fitted.name != "text":
            save_file({"weight": fitted.head.weight, "bias": fitted.head.bias}, folder / UNFINISHED)
            store.keep_file(folder, folder / UNFINISHED, HEAD)
        left = fitted.left_out
        found = agreement(left.labels, left.predictions, len(names))
        found |= {"seeds": len(left.labels), **describe(fitted, names)}
        store.find(folder, "guide", found)
    judge(plan.method, found, names, plan.least_kappa)
    return _with_kept_head(folder, augmenter)


def _with_kept_head(folder: Path, augmenter: Augmenter) -> Augmenter:
    """With the head that was learned, if one was."""
    learned = (folder / HEAD).exists()
    return augmenter.with_head(Head(**load_file(folder / HEAD))) if learned else augmenter


logger = logging.getLogger(__name__)


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
