import math
import types
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn.functional import softmax

from guided_imagination.generators.base import Latent, SeedBatch, Siblings
from guided_imagination.imagination import criteria
from guided_imagination.imagination import imagine as module
from guided_imagination.imagination.imagine import draw_noise, imagine, moves, perturb, project, tighten
from guided_imagination.models.device import Batches
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.randomness import generator
from helpers.toy import SIDE, ToyGenerator, ToyGuide, guidance

SEEDS = torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2])
OWNER = torch.tensor([0, 0, 1, 1, 2, 2])
NAMES = [(seed, variant) for seed in range(3) for variant in range(2)]

radii = st.floats(0, 5)


def tensors(*shape, dtype=np.float32, largest=10):
    width = 8 * np.dtype(dtype).itemsize
    return arrays(dtype, shape, elements=st.floats(-largest, largest, width=width)).map(torch.from_numpy)


def noise(*shape, dtype=np.float32):
    return tensors(*shape, dtype=dtype), tensors(*shape, dtype=dtype)


def run(config, seeds=SEEDS, labels=LABELS, owner=OWNER, names=NAMES, grain=0.0, size=100):
    rngs = [generator("run", *name) for name in names]
    memory = Batches(size)
    batch = SeedBatch(seeds, labels, owner, rngs)
    return imagine(ToyGenerator(ToyGuide(), grain), ToyGuide(), batch, config, memory, Clock())


def assert_in_ball(variant, feature, eps):
    distance = (variant.double() - feature.double()).abs()
    rounding = 2e-7 * (feature.double().abs() + eps)
    assert (distance <= eps + rounding).all()


@given(tensors(2, 3), tensors(2, 3), radii)
def test_projection_stays_in_the_ball(perturbed, feature, eps):
    assert_in_ball(project(perturbed, feature, eps), feature, eps)


@given(tensors(2, 3), st.floats(0, 1))
def test_projection_leaves_what_is_inside_alone(feature, share):
    inside = feature + share
    assert torch.equal(project(inside, feature, 2.0), inside)


@pytest.mark.parametrize("straight_through", [False, True])
@given(feature=tensors(2, 3, 4), z=tensors(2, 3, 1), b=tensors(2, 3, 1), eps=radii)
def test_perturbation_stays_in_the_ball(straight_through, feature, z, b, eps):
    assert_in_ball(perturb(feature, z, b, eps, straight_through), feature, eps)


def test_perturbation_is_the_papers_formula():
    # (1 + .5) * 2 + .25 = 3.25 is within 2 +- 2, 1.5 * 4 + .25 = 6.25 is not within 4 +- 2
    feature = torch.tensor([[2.0, 4.0]])
    assert perturb(feature, torch.tensor(0.5), torch.tensor(0.25), 2.0).tolist() == [[3.25, 6.0]]


@given(feature=tensors(2, 3), z=tensors(2, 3), b=tensors(2, 3), eps=radii)
def test_straight_through_changes_no_value(feature, z, b, eps):
    assert torch.equal(perturb(feature, z, b, eps, True), perturb(feature, z, b, eps, False))


@given(feature=tensors(2, 3), z=tensors(2, 3), b=tensors(2, 3), eps=radii)
def test_straight_through_has_the_gradient_without_the_clamp(feature, z, b, eps):
    # d/dz ((1 + z) f + b) = f and d/db = 1, wherever the clamp is
    z, b = z.requires_grad_(), b.requires_grad_()
    slope_z, slope_b = torch.autograd.grad(perturb(feature, z, b, eps, True).sum(), (z, b))
    assert torch.equal(slope_z, feature)
    assert torch.equal(slope_b, torch.ones_like(b))


def test_without_straight_through_the_clamp_stops_the_gradient():
    b = torch.tensor([0.1, 3.0], requires_grad=True)
    perturb(torch.ones(2), torch.zeros(2), b, 1.0).sum().backward()
    assert b.grad.tolist() == [1, 0]


@given(tensors(2, 5, 3, dtype=np.float64), *noise(2, 5, 3, dtype=np.float64), radii)
def test_tightening_noise_of_the_features_shape_changes_no_variant(feature, z, b, eps):
    expected = perturb(feature, z, b, eps)
    torch.testing.assert_close(perturb(feature, z, tighten(feature, z, b, eps), eps), expected, atol=1e-12, rtol=0)


@given(tensors(2, 5, 3, dtype=np.float64), *noise(2, 1, 3, dtype=np.float64), radii)
def test_tightening_broadcast_noise_changes_no_variant(feature, z, b, eps):
    expected = perturb(feature, z, b, eps)
    tight = tighten(feature, z, b, eps)
    assert tight.shape == b.shape
    torch.testing.assert_close(perturb(feature, z, tight, eps), expected, atol=1e-12, rtol=0)


def test_tightening_pulls_noise_to_the_border():
    # z f = .5, so b matters in [-.25 - .5, .25 - .5]; with a second position at z f = 1 in [-1.25, -.25]
    z, b = torch.full((1, 1, 1), 0.5), torch.full((1, 1, 1), 5.0)
    assert tighten(torch.ones(1, 1, 1), z, b, 0.25).item() == -0.25
    assert tighten(torch.tensor([[[1.0], [2.0]]]), z, b, 0.25).item() == -0.25
    assert tighten(torch.tensor([[[1.0], [2.0]]]), z, -b, 0.25).item() == -1.25
    assert tighten(torch.tensor([[[1.0, 2.0]]]), z, b.expand(1, 1, 2), 0.25).tolist() == [[[-0.25, -0.75]]]


@pytest.mark.parametrize("gradient", ["clamped", "straight_through", "unclamped"])
def test_guided_latents_stay_in_the_ball(gradient):
    made = run(guidance(eps=0.1, steps=7, step_size=0.1, gradient=gradient))
    # the toy decoder only cuts at 0 and 1, where the seed is inside
    for image, seed in zip(made.images, SEEDS[OWNER], strict=True):
        assert_in_ball(image, seed, 0.1 * seed.square().mean().sqrt().item())


def test_guidance_raises_the_score_of_every_variant():
    before, after = run(guidance(steps=0)).criteria, run(guidance(steps=5)).criteria
    assert (sum(after.values()) > sum(before.values())).all()


@pytest.mark.parametrize("name", ["consistency", "entropy", "diversity"])
def test_a_single_criterion_can_be_followed(name):
    weights = {name: 1}
    before, after = run(guidance(steps=0)).criteria[name], run(guidance(weights=weights)).criteria[name]
    assert after.mean() > before.mean()


def test_zero_steps_is_the_unguided_perturbation():
    rngs = [generator("run", *name) for name in NAMES]
    z, b = draw_noise((6, 3, 1, 1), rngs)
    feature = SEEDS[OWNER]
    # eps and the noise are in units of the seed's root mean square
    unit = feature.square().mean((1, 2, 3), keepdim=True).sqrt()
    moved = (1 + z) * feature + 1.72 * unit * b
    expected = torch.minimum(torch.maximum(moved, feature - 0.52 * unit), feature + 0.52 * unit).clamp(0, 1)
    torch.testing.assert_close(run(guidance(steps=0)).images, expected)


def test_unguided_variants_do_not_depend_on_the_criteria():
    published = guidance(steps=0, hold="prediction", gradient="clamped", temperature=1, weights={"entropy": 1})
    assert torch.equal(run(guidance(steps=0)).images, run(published).images)


def test_noise_has_the_papers_distributions():
    z, b = draw_noise((1, 20000), [generator("noise")])
    assert 0 <= z.min() < 0.001 < 0.999 < z.max() <= 1
    assert z.mean().item() == pytest.approx(0.5, abs=0.01)  # standard error 0.002
    assert b.mean().item() == pytest.approx(0, abs=0.03)  # standard error 0.007
    assert b.std().item() == pytest.approx(1, abs=0.02)  # standard error 0.005


def test_noise_of_a_sample_does_not_depend_on_its_neighbours():
    z, b = draw_noise((2, 3, 1), [generator("a"), generator("b")])
    z_alone, b_alone = draw_noise((1, 3, 1), [generator("b")])
    assert torch.equal(z[1:], z_alone)
    assert torch.equal(b[1:], b_alone)


def test_the_same_seeds_give_the_same_bits():
    first, second = run(guidance(), grain=0.1), run(guidance(), grain=0.1)
    assert torch.equal(first.images, second.images)
    for name, values in first.criteria.items():
        assert torch.equal(values, second.criteria[name])


def test_another_batch_size_gives_the_same_images():
    together = run(guidance(), grain=0.1).images
    alone = [
        run(guidance(), SEEDS[[s]], LABELS[[s]], torch.tensor([0, 0]), [(s, 0), (s, 1)], grain=0.1).images
        for s in range(3)
    ]
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_how_many_images_fit_into_memory_changes_none(size):
    whole, parts = run(guidance(), grain=0.1), run(guidance(), grain=0.1, size=size)
    torch.testing.assert_close(parts.images, whole.images, atol=1e-6, rtol=0)
    for name, values in whole.criteria.items():
        torch.testing.assert_close(parts.criteria[name], values, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("step", ["encode", "embed", "decode"])
def test_running_out_of_memory_halves_the_batch_and_changes_nothing(step, monkeypatch, caplog):
    def tight(self, *arguments):
        # dies after the work, when random numbers have been drawn
        made = whole_step(self, *arguments)
        if len(made) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return made

    expected = run(guidance(), grain=0.1, size=1)
    whole_step = getattr(ToyGenerator, step)
    monkeypatch.setattr(ToyGenerator, step, tight)
    made = run(guidance(), grain=0.1, size=8)
    torch.testing.assert_close(made.images, expected.images, atol=1e-6, rtol=0)
    assert "out of memory: continuing with 2 images at a time" in caplog.text


def test_running_out_of_memory_with_one_image_is_an_error(monkeypatch):
    def fail(self, *arguments):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(ToyGenerator, "decode", fail)
    with pytest.raises(torch.OutOfMemoryError):
        run(guidance())


def test_another_order_of_seeds_gives_the_same_images():
    forward = run(guidance(), grain=0.1).images
    backward = run(guidance(), SEEDS.flip(0), LABELS.flip(0), OWNER, [NAMES[i] for i in (4, 5, 2, 3, 0, 1)], grain=0.1)
    torch.testing.assert_close(backward.images[[4, 5, 2, 3, 0, 1]], forward, atol=1e-6, rtol=0)


def test_hold_chooses_between_the_label_and_clips_prediction():
    # in a ball of radius 0 a variant is its seed: consistency is the seed's own probability of the held class
    guide = ToyGuide()
    probs = softmax(5 * guide.features(SEEDS) @ guide.head.T, dim=1)
    labels = (probs.argmax(1) + 1) % 3  # never what CLIP predicts
    by_label = run(guidance(eps=0, steps=0, hold="label"), labels=labels).criteria
    by_prediction = run(guidance(eps=0, steps=0, hold="prediction"), labels=labels).criteria
    torch.testing.assert_close(by_label["consistency"], probs[torch.arange(3), labels][OWNER])
    torch.testing.assert_close(by_prediction["consistency"], probs.max(1).values[OWNER])
    torch.testing.assert_close(by_label["entropy"], torch.zeros(6), atol=1e-6, rtol=0)
    torch.testing.assert_close(by_label["diversity"], torch.zeros(6), atol=1e-6, rtol=0)


class Louder(ToyGenerator):
    """Latents of another scale, which CLIP sees as before."""

    def __init__(self, factor: float) -> None:
        super().__init__(ToyGuide())
        self.factor = factor

    def encode(self, batch: SeedBatch) -> Latent:
        latent = super().encode(batch)
        return latent.with_feature(self.factor * latent.feature)

    def embed(self, latent: Latent) -> torch.Tensor:
        return super().embed(latent.with_feature(latent.feature / self.factor))

    def decode(self, latent: Latent, rngs: Sequence[torch.Generator]) -> torch.Tensor:
        return super().decode(latent.with_feature(latent.feature / self.factor), rngs)


@pytest.mark.parametrize("factor", [0.01, 16, 30])
@pytest.mark.parametrize("gradient", ["clamped", "straight_through", "unclamped"])
def test_the_scale_of_latents_changes_nothing_but_the_recorded_scale(factor, gradient):
    config = guidance(gradient=gradient)
    batch = SeedBatch(SEEDS, LABELS, OWNER, [generator("run", *name) for name in NAMES])
    made = imagine(Louder(factor), ToyGuide(), batch, config, Batches(100), Clock())
    expected = run(config)
    torch.testing.assert_close(made.images, expected.images, atol=1e-5, rtol=0)
    torch.testing.assert_close(made.moves["latent_cosine"], expected.moves["latent_cosine"])
    torch.testing.assert_close(made.moves["latent_scale"], factor * SEEDS[OWNER].square().mean((1, 2, 3)).sqrt())
    assert made.moves["latent_cosine"].max() < 0.98


def test_where_the_gradient_is_taken_decides_which_way_a_step_goes():
    """By hand: one component f = 1, z = 0, b = 3, eps 1; S rises up to f' = 2.5 and falls beyond it.

    The clamp holds f' at 2, where S still rises, but b = 3 is far outside: the clamped gradient is zero, straight
    through it is positive, before the clamp (at 4) it is negative.
    """
    feature, z, b = torch.ones(1, 1), torch.zeros(1, 1), torch.full((1, 1), 3.0, requires_grad=True)
    slopes = {}
    for gradient, eps in (("clamped", 1.0), ("straight_through", 1.0), ("unclamped", math.inf)):
        climbed = perturb(feature, z, b, eps, gradient == "straight_through")
        (slope,) = torch.autograd.grad(-(climbed - 2.5).square().sum(), b)
        slopes[gradient] = slope.item()
    assert slopes == {"clamped": 0, "straight_through": 1, "unclamped": -3}


@pytest.mark.parametrize(("gradient", "expected"), [("clamped", 0.0), ("straight_through", 0.1), ("unclamped", -0.1)])
def test_a_step_follows_the_gradient_where_the_settings_take_it(gradient, expected, monkeypatch):
    """The case above through the whole ascent: a step of 0.1 of a b that starts so far out that z alone decides f'."""
    monkeypatch.setattr(criteria, "score", lambda seen, weights: -(seen.features.sum(1) - 2.5).square())
    seen = []

    def look(feature, size):
        return types.SimpleNamespace(features=feature)

    def spy(feature, z, b, eps, straight_through=False):
        seen.append((z.detach().clone(), b.detach().clone()))
        return perturb(feature, z, b, eps, straight_through)

    monkeypatch.setattr(module, "perturb", spy)
    config = guidance(eps=1.0, noise=2.0, steps=1, step_size=0.1, gradient=gradient)
    noise = torch.zeros(1, 1), torch.full((1, 1), 1.5)  # b = 3
    module._climb(torch.ones(1, 1), noise, look, config, Batches(1))
    (z, b), (after_z, after_b) = seen[0], seen[-1]
    assert b.item() == (1 if gradient == "straight_through" else 3)  # pulled to the border, where a step is felt
    assert (after_b - b).item() == pytest.approx(2 * expected)  # a step of b is so much of its deviation
    assert (after_z - z).item() == pytest.approx(expected)


def test_straight_through_a_step_counts_positions_that_are_clamped(monkeypatch):
    """One b for two positions, of which the second, clamped, wants it lower three times as much as the first higher."""
    wanted, seen = torch.tensor([1.0, -3.0]), []
    monkeypatch.setattr(criteria, "score", lambda seen, weights: (seen.features * wanted).sum((1, 2)))

    def spy(feature, z, b, eps, straight_through=False):
        seen.append((z.item(), b.item()))
        return perturb(feature, z, b, eps, straight_through)

    monkeypatch.setattr(module, "perturb", spy)
    feature = torch.tensor([[[1.0, 2.0]]]) / 2.5**0.5  # of root mean square 1
    noise = torch.full((1, 1, 1), 0.5), torch.full((1, 1, 1), 5.0)
    config = guidance(eps=0.25, noise=1.0, steps=1, step_size=0.1)
    module._climb(feature, noise, lambda feature, size: types.SimpleNamespace(features=feature), config, Batches(1))
    border = 0.25 - 0.5 / 2.5**0.5  # where the first position meets the ball
    assert seen == [pytest.approx((0.5, border)), pytest.approx((0.4, border - 0.1))]


@pytest.mark.parametrize(("eps", "least"), [(0.0, 1.0), (0.1, 0.995), (0.19, 0.9818), (0.6, 0.8), (1.0, -1.0)])
def test_no_variant_in_the_ball_goes_below_the_cosine_that_eps_allows(eps, least):
    config = guidance(eps=eps, noise=100.0, steps=0)
    assert config.least_cosine == pytest.approx(least, abs=1e-4)
    assert run(config).moves["latent_cosine"].min() >= least - 1e-5


def test_no_cosine_is_beyond_one_by_rounding():
    features = torch.rand(1000, 48, generator=generator("cosines"))
    assert (torch.nn.functional.cosine_similarity(features, features) > 1).any()
    made = moves(torch.cat([features, -features]), torch.cat([features, features]))["latent_cosine"]
    assert -1 <= made.min() < -0.999
    assert 0.999 < made.max() <= 1


@pytest.mark.parametrize("steps", [0, 5])
def test_a_latent_of_zeros_stays_where_it_is(steps):
    """A ball in units of its root mean square has no radius."""
    made = run(guidance(steps=steps), seeds=torch.zeros(3, 3, SIDE, SIDE))
    assert made.images.abs().max() < 1e-30
    assert all(values.isfinite().all() for values in {**made.criteria, **made.moves}.values())


@pytest.mark.parametrize("steps", [0, 5])
def test_features_that_were_made_beforehand_are_decoded_as_they_are(steps):
    planned = torch.rand(6, 3, SIDE, SIDE, generator=generator("planned"))
    batch = SeedBatch(SEEDS, LABELS, OWNER, [generator("run", *name) for name in NAMES], features=planned)
    made = imagine(ToyGenerator(ToyGuide()), ToyGuide(), batch, guidance(steps=steps), Batches(100), Clock())
    torch.testing.assert_close(made.images, planned)
    torch.testing.assert_close(made.features, ToyGuide().features(planned))


def test_variants_are_scored_with_the_temperature_the_direction_and_the_groups_of_the_settings():
    base, found = {"temperature": 0.3, "divergence": "mean_variant", "group": 2}, set()
    owner = torch.tensor([0, 0, 0, 1, 1, 1])  # the third of each is alone in its group
    for change in ({}, {"temperature": 1}, {"divergence": "variant_mean"}, {"group": None}):
        settings = {**base, **change}
        made = run(guidance(steps=0, **settings), SEEDS[:2], LABELS[:2], owner)
        seen = criteria.Candidates(made.features, None, None, None, owner, **settings)
        torch.testing.assert_close(made.criteria["diversity"], criteria.diversity(seen))
        found.add(made.criteria["diversity"].sum().item())
    assert len(found) == 4


def test_kept_siblings_count_among_the_variants_of_their_seed():
    kept = Siblings(torch.tensor([1, 0, 2]), torch.randn(3, 5, generator=generator("siblings")))
    batch = SeedBatch(SEEDS, LABELS, OWNER, [generator("run", *name) for name in NAMES], kept)
    made = imagine(ToyGenerator(ToyGuide()), ToyGuide(), batch, guidance(steps=0), Batches(100), Clock())
    mean = torch.stack([made.features[seed == OWNER].sum(0) + kept.sum[seed] for seed in range(3)])
    mean = mean / torch.tensor([3, 2, 4])[:, None]
    p, q = softmax(made.features / 0.1, 1), softmax(mean / 0.1, 1)[OWNER]
    torch.testing.assert_close(made.criteria["diversity"], (p * (p / q).log()).sum(1))


def test_while_it_climbs_clip_sees_latents_of_the_seed_s_own_scale(monkeypatch):
    seen, embed = [], ToyGenerator.embed
    monkeypatch.setattr(ToyGenerator, "embed", lambda self, latent: seen.append(latent.feature) or embed(self, latent))
    run(guidance(steps=3, gradient="clamped"))
    assert len(seen) == 3 + 1  # and once at the end
    for feature, seed in zip(torch.stack(seen, 1), SEEDS[OWNER], strict=True):
        assert_in_ball(feature.detach(), seed, 0.52 * seed.square().mean().sqrt().item())
