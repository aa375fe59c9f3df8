"""The three guidance criteria (paper, section 4.2): pure functions, to be maximised.

An ablation is a dict entry: `score` weighs the criteria of `CRITERIA` by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from guided_imagination.config.guidance import CriterionName
from guided_imagination.generators.base import Siblings


@dataclass(frozen=True)
class Candidates:
    """What the criteria look at: N variants of S seeds, seen by CLIP.

    features: (N, D) unit-norm CLIP features of the variants.
    log_probs: (N, C) log of the zero-shot class probabilities s' of the variants.
    seed_log_probs: (N, C) the same, s, of each variant's seed.
    held: (N,) class that a variant has to keep: CLIP's on the seed (paper) or the label.
    owner: (N,) which seed a variant belongs to, in [0, S).
    temperature: of the softmax over features in `diversity`; 1 in the paper.
    divergence, group: the direction of its KL, and of how many variants in their order its mean is (None: all).
    siblings: further variants of the seeds, which are kept and not scored.
    """

    features: Tensor
    log_probs: Tensor
    seed_log_probs: Tensor
    held: Tensor
    owner: Tensor
    temperature: float = 1.0
    divergence: Literal["variant_mean", "mean_variant"] = "variant_mean"
    group: int | None = None
    siblings: Siblings | None = None


def consistency(seen: Candidates) -> Tensor:
    """S_con = s'_j (N,) in [0, 1]: how sure CLIP is of the held class j (paper, eq. for S_con)."""
    return seen.log_probs.exp().gather(1, seen.held[:, None])[:, 0]


def entropy(log_probs: Tensor) -> Tensor:
    """H(p) = -sum p log p in nats, (N, C) -> (N,) in [0, log C]; finite for p = 0."""
    finite = log_probs.clamp(min=torch.finfo(log_probs.dtype).min)  # 0 * -inf would be NaN
    return -(log_probs.exp() * finite).sum(1)


def entropy_gain(seen: Candidates) -> Tensor:
    """S_ent = H(s') - H(s) (N,) in [-log C, log C]: information that the variant adds."""
    return entropy(seen.log_probs) - entropy(seen.seed_log_probs)


def diversity(seen: Candidates) -> Tensor:
    """S_div = KL(softmax(f'/t) || softmax(mean f'/t)) (N,) >= 0, the mean over all of the seed's variants.

    At t = 1 (paper) unit-norm features give about 1e-4, so the term hardly acts; a small t makes it act. The authors'
    code has KL(softmax(mean) || softmax(f')), `divergence` "mean_variant", with the mean of two variants that follow
    each other, `group` 2. With groups, earlier siblings do not count.
    """
    owner, siblings = (seen.owner, seen.siblings) if seen.group is None else (_groups(seen.owner, seen.group), None)
    mean = group_mean(seen.features, owner, siblings)[owner]
    log_p = log_softmax(seen.features / seen.temperature, dim=1)
    log_q = log_softmax(mean / seen.temperature, dim=1)
    if seen.divergence == "mean_variant":
        log_p, log_q = log_q, log_p
    return (log_p.exp() * (log_p - log_q)).sum(1)


def _groups(owner: Tensor, size: int) -> Tensor:
    """The group (N,) of each variant: `size` variants of an owner that follow each other."""
    number = (owner[:, None] == owner[None]).tril(-1).sum(1)  # of a variant among its owner's
    _, groups = torch.stack([owner, number // size], 1).unique(dim=0, return_inverse=True)
    return groups


def group_mean(values: Tensor, owner: Tensor, siblings: Siblings | None = None) -> Tensor:
    """Mean of the rows (N, D) and siblings of each owner, (max owner + 1, D); zero where an owner has none."""
    groups = int(owner.max()) + 1
    sums = values.new_zeros(groups, values.shape[1]).index_add(0, owner, values)
    counts = torch.bincount(owner, minlength=groups)
    if siblings is not None:
        sums, counts = sums + siblings.sum[:groups], counts + siblings.count[:groups]
    return sums / counts.clamp(min=1)[:, None]


@dataclass(frozen=True)
class Criterion:
    """`score` is to be maximised; `short` names it under a picture."""

    score: Callable[[Candidates], Tensor]
    short: str


CRITERIA: dict[CriterionName, Criterion] = {
    "consistency": Criterion(consistency, "con"),
    "entropy": Criterion(entropy_gain, "ent"),
    "diversity": Criterion(diversity, "div"),
}


def evaluate(seen: Candidates) -> dict[CriterionName, Tensor]:
    """Every criterion by name, each (N,)."""
    return {name: criterion.score(seen) for name, criterion in CRITERIA.items()}


def score(seen: Candidates, weights: Mapping[CriterionName, float]) -> Tensor:
    """S = sum of weight * criterion (N,); a criterion without a weight is not computed."""
    return torch.stack([weight * CRITERIA[name].score(seen) for name, weight in weights.items()]).sum(0)
