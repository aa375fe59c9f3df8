"""Perturb a seed's latent, guide the perturbation by CLIP, decode it (paper, section 4): knows no generator."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from guided_imagination import guidance
from guided_imagination.clip import ClipGuide
from guided_imagination.clock import Clock
from guided_imagination.config import CriterionName, Guidance
from guided_imagination.generators.base import Generator, Latent


@dataclass(frozen=True)
class Imagined:
    """`images` (N, 3, H, W) in [0, 1] and each criterion (N,) of the latent that was decoded."""

    images: Tensor
    criteria: dict[CriterionName, Tensor]


def draw_noise(shape: tuple[int, ...], rngs: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    """z ~ U(0, 1) and b ~ N(0, 1) of `shape` (N, ...), one generator per sample (paper, section 4.1)."""
    z = torch.stack([torch.rand(shape[1:], generator=rng) for rng in rngs])
    b = torch.stack([torch.randn(shape[1:], generator=rng) for rng in rngs])
    return z, b


def project(perturbed: Tensor, feature: Tensor, eps: float) -> Tensor:
    """P_{f,eps}: clamp element-wise to the L-infinity ball [f - eps, f + eps]."""
    return torch.minimum(torch.maximum(perturbed, feature - eps), feature + eps)


def perturb(feature: Tensor, z: Tensor, b: Tensor, eps: float, straight_through: bool = False) -> Tensor:
    """f' = P_{f,eps}((1 + z) f + b) (paper, section 4.1).

    The clamp's gradient is zero outside the ball, where most of b ~ N(0, 1) starts when eps is small;
    `straight_through` passes the gradient as if there were no clamp.
    """
    free = (1 + z) * feature + b
    inside = project(free, feature, eps)
    # the difference is zero: the value stays exactly inside, the gradient is that of `free`
    return inside.detach() + (free - free.detach()) if straight_through else inside


def tighten(feature: Tensor, z: Tensor, b: Tensor, eps: float) -> Tensor:
    """Pull b (broadcast over positions) to where it starts to matter; f' does not change.

    Past that border every position is clamped alike, and a step could not be felt. Starting at the
    border makes sign steps a projected gradient ascent.
    """
    shift = z * feature
    axes = [axis for axis in range(1, feature.dim()) if b.shape[axis] == 1 != feature.shape[axis]]
    low, high = (shift.amin(axes, keepdim=True), shift.amax(axes, keepdim=True)) if axes else (shift, shift)
    return torch.minimum(torch.maximum(b, -eps - high), eps - low)


def imagine(
    generator: Generator,
    guide: ClipGuide,
    seeds: Tensor,
    labels: Tensor,
    owner: Tensor,
    config: Guidance,
    rngs: Sequence[torch.Generator],
    clock: Clock,
) -> Imagined:
    """N guided variants of S seeds, all at once.

    seeds: (S, 3, H, W) in [0, 1]; labels: (S,); owner: (N,) the seed of each variant, in [0, S);
    rngs: one per variant, on the CPU. With `config.steps` = 0 the variants are unguided.
    """
    with clock("encode"), torch.no_grad():
        latent = generator.encode(seeds, labels)
        seed_log_probs = guide.log_probs(guide.features(seeds), config.criteria.logit_scale)
        held = labels if config.criteria.hold == "label" else seed_log_probs.argmax(1)
        latent, seed_log_probs, held = latent.take(owner), seed_log_probs[owner], held[owner]

    feature = latent.feature
    z, b = (noise.to(feature) for noise in draw_noise(generator.noise_shape(feature), rngs))

    def look(z: Tensor, b: Tensor) -> tuple[Latent, guidance.Candidates]:
        variant = latent.with_feature(perturb(feature, z, b, config.eps, config.criteria.straight_through))
        features = generator.embed(variant)
        log_probs = guide.log_probs(features, config.criteria.logit_scale)
        return variant, guidance.Candidates(
            features, log_probs, seed_log_probs, held, owner, config.criteria.temperature
        )

    with clock("guide"):
        for _ in range(config.steps):
            if config.criteria.straight_through:
                b = tighten(feature, z, b, config.eps)
            z, b = z.requires_grad_(), b.requires_grad_()
            total = guidance.score(look(z, b)[1], config.criteria.weights).sum()
            slope_z, slope_b = torch.autograd.grad(total, (z, b))
            z = (z + config.step_size * slope_z.sign()).detach()
            b = (b + config.step_size * slope_b.sign()).detach()
        with torch.no_grad():
            variant, seen = look(z, b)
            criteria = guidance.evaluate(seen)

    with clock("decode"):
        return Imagined(generator.decode(variant, rngs), criteria)
