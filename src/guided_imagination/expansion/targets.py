"""All features that will be decoded, made before the first decode: class by class, in one file beside the shards.

Guidance looks at a whole class, while shards stand alone: they only decode what stands in this file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from datasets import Dataset
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from guided_imagination.config.guidance import Guidance
from guided_imagination.data.dataset import class_names
from guided_imagination.expansion import store
from guided_imagination.imagination.candidates import plan_features
from guided_imagination.imagination.manifold import ClassShape, Sketch, shape
from guided_imagination.utils.arrays import create
from guided_imagination.utils.errors import InputError, Remedy
from guided_imagination.utils.progress import progress
from guided_imagination.utils.randomness import generator

FILE, UNFINISHED = "targets.npy", "targets.unfinished.npy"
DONE = "planned_classes"  # labels of the classes that stand in the unfinished file
BLOCK = 64  # seeds of a class whose variants are selected together


class Judge(Protocol):
    """What the guide says of features, and where it runs."""

    @property
    def device(self) -> torch.device: ...

    def log_probs(self, features: Tensor, logit_scale: float) -> Tensor:
        """Log-probabilities (N, C) of unit-norm features."""
        ...


@dataclass(frozen=True)
class TargetPlan:
    """What shapes the targets beside the seeds: `ratio` per seed, and `reserve` spare ones for refused variants."""

    guidance: Guidance
    ratio: int
    reserve: int
    seed: int


def read(folder: Path) -> NDArray[Any]:
    """Targets (seeds, ratio + reserve, D), mapped into memory."""
    return np.load(folder / FILE, mmap_mode="r")


def make(folder: Path, seeds: Dataset, plan: TargetPlan, judge: Judge, embeddings: NDArray[np.float32]) -> NDArray[Any]:
    """The targets of seeds with these embeddings (N, D); a killed run continues at the next class.

    A class is in memory, and of its candidates those of BLOCK seeds. The order of seeds and of classes changes nothing.
    Raises InputError if no class has two seeds, where the perturbation is along their differences.
    """
    if store.kept_file(folder, FILE):
        return read(folder)
    ids, labels = seeds["id"][:], np.array(seeds["label"][:])
    classes = [np.flatnonzero(labels == label) for label in range(len(class_names(seeds)))]
    members = [sorted(rows.tolist(), key=ids.__getitem__) for rows in classes if len(rows)]
    if plan.guidance.perturbation == "manifold" and len(members) == len(seeds):
        raise InputError(
            "perturbation: manifold needs the differences between the seed images of a class, but every class has only "
            "one",
            Remedy.BALL,
        )
    shape_of_all = (len(seeds), plan.ratio + plan.reserve, embeddings.shape[1])
    done = store.found(folder, DONE) or []
    if not done or not (folder / UNFINISHED).exists():
        done = []
        store.find(folder, DONE, done)  # what an earlier file held, that is gone, does not count
        create(folder / UNFINISHED, shape_of_all, np.float16)
    targets = open_memmap(folder / UNFINISHED, "r+")
    shared = _shared(embeddings, members, ids)
    bar = progress("planning features", len(members), done=len(done), unit="classes")
    for rows in members:
        label = int(labels[rows[0]])
        if label in done:
            continue
        for block, features in _class(embeddings, rows, ids, label, shared, len(seeds) - len(members), plan, judge):
            targets[block] = features
        targets.flush()
        done.append(label)
        store.find(folder, DONE, done)
        bar.update()
    bar.close()
    store.keep_file(folder, folder / UNFINISHED, FILE)
    return read(folder)


def _shared(embeddings: NDArray[Any], members: Sequence[Sequence[int]], ids: Sequence[str]) -> Tensor:
    """The differences of all seeds from their class means, as a sketch (R, D)."""
    sketch = Sketch(len(embeddings), embeddings.shape[1])
    for rows in members:
        features = _unit(embeddings, rows)
        sketch.add(features - features.mean(0), [ids[row] for row in rows])
    return sketch.rows


def _unit(embeddings: NDArray[Any], rows: Sequence[int]) -> Tensor:
    return normalize(torch.from_numpy(embeddings[rows]), dim=1)


def _class(
    embeddings: NDArray[Any],
    rows: Sequence[int],
    ids: Sequence[str],
    label: int,
    shared: Tensor,
    freedom: int,
    plan: TargetPlan,
    judge: Judge,
) -> Iterator[tuple[list[int], NDArray[Any]]]:
    """The targets of one class, block by block."""
    manifold = plan.guidance.manifold
    own = shape(
        _unit(embeddings, rows), [ids[row] for row in rows], shared, freedom, manifold.within if manifold else 0
    )
    own = ClassShape(own.mean.to(judge.device), own.spread.to(judge.device))
    for start in range(0, len(rows), BLOCK):
        block = list(rows[start : start + BLOCK])
        features = torch.from_numpy(embeddings[block]).to(judge.device)
        held = torch.full((len(block),), label, device=judge.device)
        if plan.guidance.criteria.hold == "prediction":
            held = judge.log_probs(normalize(features, dim=1), 1.0).argmax(1)
        rngs = [generator(plan.seed, ids[row], "targets") for row in block]
        made = plan_features(features, held, own, judge.log_probs, plan.guidance, plan.ratio, plan.reserve, rngs)
        yield block, made.cpu().numpy().astype(np.float16)
