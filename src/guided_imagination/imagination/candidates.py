"""The features of all variants of some seeds of one class: perturbed, led to the class, selected (no decode)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from guided_imagination.config.guidance import Guidance
from guided_imagination.imagination.imagine import draw_noise, perturb, scale_of
from guided_imagination.imagination.manifold import ClassShape, propose
from guided_imagination.imagination.selection import LogProbs, ascend, select


def plan_features(
    seeds: Tensor,
    held: Tensor,
    shape: ClassShape,
    log_probs: LogProbs,
    config: Guidance,
    ratio: int,
    reserve: int,
    rngs: Sequence[torch.Generator],
) -> Tensor:
    """(S, ratio + reserve, D): of each seed its variants' features, then spare ones, in the order of preference.

    seeds: CLIP embeddings (S, D) of one class, not normalised; held: (S,) the class that each has to keep; rngs: one
    per seed, on the CPU. With a selection, `config.selection.candidates` per variant (and the spare ones) are
    proposed; without, what is proposed is taken in its order.
    """
    selection, rounds = config.selection, ratio + reserve
    count = ratio * selection.candidates + reserve if selection else rounds
    candidates = _propose(seeds.repeat_interleave(count, 0), shape, config, count, rngs)
    owner_held = held.repeat_interleave(count)
    climb = config.criteria.logit_scale, config.steps, config.step_size
    candidates = ascend(candidates, owner_held, log_probs, *climb)
    grouped = candidates.unflatten(0, (len(seeds), count))
    if selection is None:
        return grouped
    points = normalize(candidates, dim=1)
    confidence = log_probs(points, selection.logit_scale).gather(1, owner_held[:, None]).exp().view(len(seeds), count)
    settings = selection.bandwidth, selection.exponent
    taken = select(points.view_as(grouped), confidence, normalize(seeds, dim=1), rounds, *settings)
    return grouped.gather(1, taken[:, :, None].expand(-1, -1, grouped.shape[2]))


def _propose(seeds: Tensor, shape: ClassShape, config: Guidance, count: int, rngs: Sequence[torch.Generator]) -> Tensor:
    """A candidate of each of the repeated seeds (S * count, D)."""
    if config.perturbation == "ball":
        z, b = (noise.flatten(0, 1).to(seeds) for noise in draw_noise((len(rngs), count, seeds.shape[1]), rngs))
        scale = scale_of(seeds)
        return scale * perturb(seeds / scale, z, config.noise * b, config.eps)
    assert config.manifold is not None
    noise = torch.cat([torch.randn(count, len(shape.spread), generator=rng) for rng in rngs])
    return propose(seeds, shape.mean, shape.spread, noise.to(seeds), config.manifold.tau, config.manifold.shrink)
