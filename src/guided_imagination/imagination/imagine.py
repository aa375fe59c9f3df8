"""Perturb a seed's latent, guide the perturbation by CLIP, decode it (paper, section 4): knows no generator."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize
from torch.utils.checkpoint import checkpoint

from guided_imagination.config.guidance import CriterionName, Guidance
from guided_imagination.generators.base import Generator, Latent, SeedBatch, batches
from guided_imagination.imagination import criteria
from guided_imagination.models.clip import Guide
from guided_imagination.models.device import Batches
from guided_imagination.utils.clock import Clock


@dataclass(frozen=True)
class Imagined:
    """`images` (N, 3, H, W) in [0, 1]; of the latents that were decoded, each criterion (N,) and CLIP features (N, D).

    moves: of each latent (N,) what MOVES names. Augmentations have none of these.
    """

    images: Tensor
    criteria: dict[CriterionName, Tensor]
    features: Tensor | None = None
    moves: dict[str, Tensor] = field(default_factory=dict)


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


def scale_of(feature: Tensor) -> Tensor:
    """The root mean square of each feature's components: (N, ...) -> (N, 1, ...), positive."""
    mean = feature.square().flatten(1).mean(1).view(-1, *[1] * (feature.dim() - 1))
    return mean.sqrt().clamp(min=torch.finfo(feature.dtype).tiny)


def moves(seeds: Tensor, variants: Tensor) -> dict[str, Tensor]:
    """How far features (N, ...) went from the seeds': `latent_scale`, the seeds' root mean square, `latent_cosine`."""
    cosine = cosine_similarity(seeds.flatten(1), variants.flatten(1))
    return {"latent_scale": scale_of(seeds).flatten(), "latent_cosine": cosine.clamp(-1, 1)}


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
    generator: Generator, guide: Guide, seeds: SeedBatch, config: Guidance, memory: Batches, clock: Clock
) -> Imagined:
    """Variants, all at once: of `seeds.features` if they were made beforehand, else perturbed and guided here.

    With `config.steps` = 0 they are unguided. `memory` says how many variants go through a network at once, which
    changes no more than their rounding.
    """
    rngs = seeds.rngs
    with clock("encode"), torch.no_grad():
        latent = memory.run(lambda size: _encode(generator, seeds, size), rngs).float()
        seen = guide.features(seeds.images) if seeds.embeds is None else normalize(seeds.embeds, dim=-1)
        seed_log_probs = guide.log_probs(seen, config.criteria.logit_scale)
        held = seeds.labels if config.criteria.hold == "label" else seed_log_probs.argmax(1)
        seed_log_probs, held = seed_log_probs[seeds.owner], held[seeds.owner]

    def look(feature: Tensor, size: int) -> criteria.Candidates:
        features = _embed(generator, latent.with_feature(feature), size)
        log_probs = guide.log_probs(features, config.criteria.logit_scale)
        settings = config.criteria
        return criteria.Candidates(
            features,
            log_probs,
            seed_log_probs,
            held,
            seeds.owner,
            temperature=settings.temperature,
            divergence=settings.divergence,
            group=settings.group,
            siblings=seeds.siblings,
        )

    with clock("guide"):
        feature = seeds.features
        if feature is None:
            noise = draw_noise(generator.noise_shape(latent.feature), rngs)
            feature = _climb(latent.feature, noise, look, config, memory)
        with torch.no_grad():
            shown = memory.run(lambda size: look(feature, size))
            scores = criteria.evaluate(shown)

    with clock("decode"), torch.no_grad():
        images = memory.run(lambda size: _decode(generator, latent.with_feature(feature), rngs, size), rngs)
    return Imagined(images, scores, shown.features, moves(latent.feature, feature))


def _climb(
    feature: Tensor,
    noise: tuple[Tensor, Tensor],
    look: Callable[[Tensor, int], criteria.Candidates],
    config: Guidance,
    memory: Batches,
) -> Tensor:
    """The perturbed feature after `config.steps` sign steps of z and b up the score.

    All of it happens to the feature divided by its root mean square, so that the same settings do the same to
    features of any scale; b is `config.noise` times what was drawn.
    """
    z, b = (part.to(feature) for part in noise)
    scale, rule = scale_of(feature), config.criteria.gradient
    unit, b, step_b = feature / scale, config.noise * b, config.noise * config.step_size

    def climbed(z: Tensor, b: Tensor) -> Tensor:
        eps = math.inf if rule == "unclamped" else config.eps
        return scale * perturb(unit, z, b, eps, rule == "straight_through")

    def slopes(z: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        z, b = z.requires_grad_(), b.requires_grad_()

        def gradients(size: int) -> tuple[Tensor, ...]:
            scores = criteria.score(look(climbed(z, b), size), config.criteria.weights)
            return torch.autograd.grad(scores.sum(), (z, b))

        return memory.run(gradients)

    for _ in range(config.steps):
        if rule == "straight_through":
            b = tighten(unit, z, b, config.eps)
        slope_z, slope_b = slopes(z, b)
        z = (z + config.step_size * slope_z.sign()).detach()
        b = (b + step_b * slope_b.sign()).detach()
    return scale * perturb(unit, z, b, config.eps)


def _encode(generator: Generator, seeds: SeedBatch, size: int) -> Latent:
    return Latent.join(generator.encode(seeds.take(rows)) for rows in batches(len(seeds), size))


def _embed(generator: Generator, latent: Latent, size: int) -> Tensor:
    """CLIP features (N, D). Of several batches only the inputs are kept; their gradients run the networks again."""
    if len(latent) <= size:
        return generator.embed(latent)

    def embed(feature: Tensor, context: Tensor) -> Tensor:
        return generator.embed(Latent(feature, context))

    parts = (latent.take(rows) for rows in batches(len(latent), size))
    return torch.cat([checkpoint(embed, part.feature, part.context, use_reentrant=False) for part in parts])


def _decode(generator: Generator, latent: Latent, rngs: Sequence[torch.Generator], size: int) -> Tensor:
    return torch.cat([generator.decode(latent.take(rows), rngs[rows]) for rows in batches(len(latent), size)])
