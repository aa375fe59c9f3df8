"""Perturbation along the data's own directions: a Gaussian per class, around its seeds, drawn without its matrix.

An isotropic noise leaves the manifold of a space of many components; noise that is a random combination of the seeds'
own differences stays in their span.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from guided_imagination.utils.seeding import derive_seed

DIRECTIONS = 256  # rows that stand for the differences of a class, or of all; up to so many seeds nothing is lost


class Sketch:
    """The sum of r r^T over rows r, in at most `size` rows: R^T R.

    The first `size` rows are kept as they are; with more of them, each is added with a random sign to one of `size`
    buckets, both given by its id: the sum is then right in expectation (count sketch, Charikar et al. 2002). Bits
    depend on the order in which rows are added, and on nothing else.
    """

    def __init__(self, count: int, width: int, size: int = DIRECTIONS) -> None:
        self._exact = count <= size
        self.rows = torch.zeros(min(count, size), width)
        self._added = 0

    def add(self, rows: Tensor, ids: Sequence[str]) -> None:
        """Further rows (n, D) and their ids, of `count` in all."""
        if self._exact:
            self.rows[self._added : self._added + len(rows)] = rows
        else:
            draws = torch.tensor([derive_seed("sketch", name) for name in ids])
            signs = (draws % 2 * 2 - 1).to(rows)
            self.rows.index_add_(0, draws // 2 % len(self.rows), rows * signs[:, None])
        self._added += len(rows)


@dataclass(frozen=True)
class ClassShape:
    """How the seeds of one class lie: their mean (D,), and `spread` (R, D), spread^T spread being a covariance."""

    mean: Tensor
    spread: Tensor


def shape(features: Tensor, ids: Sequence[str], shared: Tensor, freedom: int, within: float) -> ClassShape:
    """The class of unit-norm features (m, D), in the order of its sorted `ids`.

    The covariance is `within` in [0, 1] times the class's own, sum r r^T / (m - 1), plus 1 - `within` times that of
    all classes, shared^T shared / freedom, with `freedom` the number of seeds minus that of classes. A class of
    one seed has no covariance of its own and takes all of the shared one; where all classes have one seed there is
    none, and the spread is empty.
    """
    mean = features.mean(0)
    own = Sketch(len(features), features.shape[1])
    own.add(features - mean, ids)
    alone = len(features) == 1
    parts = []
    if not alone:
        parts.append(math.sqrt(within / (len(features) - 1)) * own.rows)
    if freedom > 0:
        parts.append(math.sqrt((1 - (0 if alone else within)) / freedom) * shared)
    return ClassShape(mean, torch.cat(parts) if parts else own.rows[:0])


def propose(seeds: Tensor, mean: Tensor, spread: Tensor, noise: Tensor, tau: float, shrink: float) -> Tensor:
    """|e| unit(mean + (1 - shrink) (x - mean) + tau noise spread), (N, D), of seed embeddings e (N, D), x = unit e.

    noise: (N, R) ~ N(0, 1), `spread` (R, D) as in ClassShape. tau = 0 and shrink = 0 give the seed back, shrink = 1
    its class mean; the length of an embedding is kept.
    """
    x = normalize(seeds, dim=1)
    moved = mean + (1 - shrink) * (x - mean) + tau * noise @ spread
    return seeds.norm(dim=1, keepdim=True) * normalize(moved, dim=1)
