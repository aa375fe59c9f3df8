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

FILE, UNFINISHED, EMBEDDED = "targets.npy", "targets.unfinished.npy", "embeddings.unfinished.npy"
DONE = "planned_classes"  # labels of the classes that stand in the unfinished file
BLOCK = 64  # seeds of a class whose variants are selected together


class Embedder(Protocol):
    """A generator's eye: CLIP embeddings of the seeds, and what the guide says of features."""

    @property
    def width(self) -> int:
        """D, the size of an embedding."""
        ...

    @property
    def device(self) -> torch.device: ...

    def embed_seeds(self, seeds: Dataset) -> Iterator[Tensor]:
        """Embeddings (n, D) float32, not normalised, of all seeds in their order, some at a time."""
        ...

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


def make(folder: Path, seeds: Dataset, plan: TargetPlan, embedder: Embedder) -> NDArray[Any]:
    """The targets in `folder`, made unless they are there; a killed run goes on at the next class.

    A class is in memory, and of its candidates those of BLOCK seeds. The order of seeds and of classes changes nothing.
    Raises InputError if no class has two seeds, where the perturbation is along their differences.
    """
    if store.kept_file(folder, FILE):
        (folder / EMBEDDED).unlink(missing_ok=True)  # of a run that was killed at its last step
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
    shape_of_all = (len(seeds), plan.ratio + plan.reserve, embedder.width)
    embeddings = _embeddings(folder, seeds, embedder)
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
        for block, features in _class(embeddings, rows, ids, label, shared, len(seeds) - len(members), plan, embedder):
            targets[block] = features
        targets.flush()
        done.append(label)
        store.find(folder, DONE, done)
        bar.update()
    bar.close()
    store.keep_file(folder, folder / UNFINISHED, FILE)
    (folder / EMBEDDED).unlink()
    return read(folder)


def _embeddings(folder: Path, seeds: Dataset, embedder: Embedder) -> NDArray[Any]:
    """The embeddings (N, D) of all seeds, in a file."""
    path, whole = folder / EMBEDDED, "seeds_embedded"
    if not (path.exists() and store.found(folder, whole)):
        store.find(folder, whole, False)
        array, start = create(path, (len(seeds), embedder.width), np.float32), 0
        for part in embedder.embed_seeds(seeds):
            array[start : start + len(part)] = part.cpu().numpy()
            start += len(part)
        array.flush()
        store.find(folder, whole, True)
    return np.load(path, mmap_mode="r")


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
    embedder: Embedder,
) -> Iterator[tuple[list[int], NDArray[Any]]]:
    """The targets of one class, block by block."""
    manifold = plan.guidance.manifold
    own = shape(
        _unit(embeddings, rows), [ids[row] for row in rows], shared, freedom, manifold.within if manifold else 0
    )
    own = ClassShape(own.mean.to(embedder.device), own.spread.to(embedder.device))
    for start in range(0, len(rows), BLOCK):
        block = list(rows[start : start + BLOCK])
        features = torch.from_numpy(embeddings[block]).to(embedder.device)
        held = torch.full((len(block),), label, device=embedder.device)
        if plan.guidance.criteria.hold == "prediction":
            held = embedder.log_probs(normalize(features, dim=1), 1.0).argmax(1)
        rngs = [generator(plan.seed, ids[row], "targets") for row in block]
        made = plan_features(features, held, own, embedder.log_probs, plan.guidance, plan.ratio, plan.reserve, rngs)
        yield block, made.cpu().numpy().astype(np.float16)
