"""Over-sample where candidates are free, climb towards the class, keep the confident ones that lie apart."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

LogProbs = Callable[[Tensor, float], Tensor]  # of the classes (N, C), of unit-norm features (N, D), at a logit scale


def ascend(
    features: Tensor, held: Tensor, log_probs: LogProbs, logit_scale: float, steps: int, step_size: float
) -> Tensor:
    """Features (N, D) moved `steps` times by `step_size` of their length towards the class `held` (N,).

    x <- unit(x + step_size unit(grad log p(held | x))), the length is kept.
    """
    length = features.norm(dim=1, keepdim=True)
    x = features / length
    for _ in range(steps):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(
                log_probs(normalize(x, dim=1), logit_scale).gather(1, held[:, None]).sum(), x
            )
        x = normalize(x.detach() + step_size * normalize(slope, dim=1), dim=1)
    return length * x


def select(
    candidates: Tensor,
    confidence: Tensor,
    seeds: Tensor,
    rounds: int,
    bandwidth: float,
    exponent: float,
) -> Tensor:
    """Which candidates (S, P, D) of S seeds (S, D) are taken, (S, rounds), in the order in which they were.

    All are unit-norm and of one class. In every round, each seed takes its candidate of greatest confidence^exponent
    times novelty against the seeds and all that was taken in the rounds before; confidence (S, P) is in [0, 1].
    The novelty, in [0, 1], is 1 - k of the nearest, by the kernel k = exp(-d^2 / 2 bandwidth^2). Among equals the first
    is taken. Raises ValueError for more rounds than candidates.
    """
    if rounds > candidates.shape[1]:
        raise ValueError(f"{rounds} rounds need as many candidates, there are {candidates.shape[1]}")
    points, rows = candidates.flatten(0, 1), torch.arange(len(seeds), device=seeds.device)
    quality, gone = confidence.pow(exponent), torch.zeros_like(confidence, dtype=torch.bool)
    nearest, taken = _kernel(points, seeds, bandwidth).amax(1), []
    for number in range(rounds):
        best = (quality * (1 - nearest).view_as(quality)).masked_fill(gone, -1).argmax(1)
        taken.append(best)
        gone[rows, best] = True
        if number + 1 < rounds:
            nearest = torch.maximum(nearest, _kernel(points, candidates[rows, best], bandwidth).amax(1))
    return torch.stack(taken, 1)


def _kernel(points: Tensor, others: Tensor, bandwidth: float) -> Tensor:
    """exp(-d^2 / 2 bandwidth^2) (N, S) of unit-norm points, d^2 = 2 - 2 cosine."""
    return torch.exp((points @ others.T - 1).clamp(max=0) / bandwidth**2)
