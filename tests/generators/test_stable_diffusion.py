import copy
from types import SimpleNamespace

import pytest
import torch
from accelerate import cpu_offload
from diffusers import DDIMScheduler

from guided_imagination.config.models import StableDiffusionConfig
from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.stable_diffusion import StableDiffusionGenerator
from guided_imagination.utils.randomness import generator as rng
from helpers.toy import NAMES

LABELS = torch.tensor([0, 1, 1])
SETTINGS = {
    "kind": "stable_diffusion",
    "model": "a/b",
    "image_size": 16,
    "inference_steps": 4,
    "guidance_scale": 3,
    "strength": 0.75,
    "rotation": 15,
    "flip": 0.5,
    "domains": ["an image of", "a sketch of"],
    "adjectives": ["", "bright", "dark"],
}


def make(stable_diffusion, guide, **changes):
    config = StableDiffusionConfig(**{**SETTINGS, **changes})
    return StableDiffusionGenerator(stable_diffusion, guide, NAMES, config)


@pytest.fixture
def generator(stable_diffusion, guide):
    return make(stable_diffusion, guide)


def rngs(*names):
    return [rng("stable diffusion", name) for name in names]


def spy(generator, monkeypatch):
    """What the pipeline, which then does nothing, is called with."""
    calls = []

    def record(**arguments):
        calls.append(arguments)
        return SimpleNamespace(images=torch.zeros(len(arguments["prompt"]), 4, 8, 8))

    monkeypatch.setattr(generator, "pipeline", record)
    return calls


def test_each_variant_has_a_latent_at_half_the_size(generator, images):
    latent = generator.encode(SeedBatch(images, LABELS, torch.tensor([0, 0, 2, 1]), rngs(*range(4))))
    assert latent.feature.shape == (4, 4, 8, 8)  # the tiny autoencoder halves once
    assert generator.noise_shape(latent.feature) == (4, 4, 1, 1)


def test_a_variants_latent_does_not_depend_on_its_companions(generator, images):
    owner = torch.tensor([0, 0, 2, 1])
    together = generator.encode(SeedBatch(images, LABELS, owner, rngs(0, 1, 2, 3))).feature
    for row in range(4):
        alone = generator.encode(SeedBatch(images, LABELS, owner[row : row + 1], rngs(row))).feature
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-4, rtol=0)


def test_the_same_seeds_give_the_same_bits(generator, images):
    owner = torch.tensor([0, 1])
    first = generator.encode(SeedBatch(images, LABELS, owner, rngs(0, 1))).feature
    torch.rand(7)  # the global state plays no part
    assert torch.equal(generator.encode(SeedBatch(images, LABELS, owner, rngs(0, 1))).feature, first)
    assert (generator.encode(SeedBatch(images, LABELS, owner, rngs(5, 1))).feature[0] - first[0]).abs().max() > 0.01


def test_the_latent_is_what_ddim_makes_of_the_noised_seed(stable_diffusion, guide, images):
    """Every number of steps and every step worked out by hand, without classifier-free guidance."""
    generator = make(stable_diffusion, guide, rotation=0, flip=0, guidance_scale=1, adjectives=[""], domains=["a"])
    seed = torch.nn.functional.interpolate(images[:1], (16, 16), mode="bicubic", antialias=True).clamp(0, 1)
    draws = rngs(0)[0]
    for _ in range(2):
        torch.rand((), generator=draws)
    for _ in range(2):
        torch.randint(1, (), generator=draws)
    vae, unet = stable_diffusion.vae, stable_diffusion.unet
    with torch.no_grad():
        posterior = vae.encode(2 * seed - 1).latent_dist
        start = vae.config.scaling_factor * (posterior.mean + posterior.std * torch.randn(1, 4, 8, 8, generator=draws))
        noise = torch.randn(1, 4, 8, 8, generator=draws)
        tokens = stable_diffusion.tokenizer(["a cat"], padding="max_length", return_tensors="pt").input_ids
        text = stable_diffusion.text_encoder(tokens).last_hidden_state
        alpha = torch.linspace(0.0001**0.5, 0.02**0.5, 1000).square().neg().add(1).cumprod(0)
        times = [501, 251, 1]  # of 751, 501, 251, 1: three of four steps at strength 0.75
        latent = alpha[501].sqrt() * start + (1 - alpha[501]).sqrt() * noise
        for time, following in zip(times, [251, 1, -249], strict=True):
            predicted = unet(latent, time, text).sample
            clean = (latent - (1 - alpha[time]).sqrt() * predicted) / alpha[time].sqrt()
            next_alpha = alpha[following] if following >= 0 else alpha[0]
            latent = next_alpha.sqrt() * clean + (1 - next_alpha).sqrt() * predicted
    ours = generator.encode(SeedBatch(images[:1], LABELS[:1], torch.tensor([0]), rngs(0))).feature
    torch.testing.assert_close(ours, latent, atol=1e-4, rtol=1e-4)


def test_prompts_are_domain_adjective_and_the_variants_class(generator, images, monkeypatch):
    calls = spy(generator, monkeypatch)
    generator.encode(SeedBatch(images, LABELS, torch.arange(60) % 3, rngs(*range(60))))
    prompts = calls[0]["prompt"]
    assert all(prompt.endswith(NAMES[LABELS[row % 3]]) for row, prompt in enumerate(prompts))
    assert {prompt.removesuffix(" cat").removesuffix(" dog") for prompt in prompts} == {
        "an image of",
        "an image of bright",
        "an image of dark",
        "a sketch of",
        "a sketch of bright",
        "a sketch of dark",
    }


def test_seeds_are_flipped_and_turned_within_the_limit(stable_diffusion, guide, monkeypatch):
    generator = make(stable_diffusion, guide, image_size=64)
    calls = spy(generator, monkeypatch)
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    spot = ((x - 20) ** 2 + y**2 < 16).float().expand(1, 3, 64, 64)  # right of the centre
    generator.encode(SeedBatch(spot, LABELS[:1], torch.zeros(40, dtype=torch.long), rngs(*range(40))))
    mass = calls[0]["image"][:, 0]
    across = (mass * x).sum((1, 2)) / mass.sum((1, 2))
    along = (mass * y).sum((1, 2)) / mass.sum((1, 2))
    angles = torch.rad2deg(torch.atan(along / across))
    assert angles.abs().max() < 15.5
    assert angles.min() < -8 and angles.max() > 8
    assert 8 < (across < 0).sum() < 32


def test_images_are_the_decoders_between_zero_and_one(generator, images):
    latent = generator.encode(SeedBatch(images, LABELS, torch.arange(3), rngs(0, 1, 2)))
    made = generator.decode(latent, [])
    vae = generator.pipeline.vae
    with torch.no_grad():
        expected = (vae.decode(latent.feature / vae.config.scaling_factor).sample * 0.5 + 0.5).clamp(0, 1)
    assert made.shape == (3, 3, 16, 16)
    torch.testing.assert_close(made, expected)


def test_embeddings_are_those_of_the_decoded_image_with_gradients(generator, guide, images):
    latent = generator.encode(SeedBatch(images, LABELS, torch.arange(3), rngs(0, 1, 2)))
    feature = latent.feature.requires_grad_()
    embedded = generator.embed(latent.with_feature(feature))
    torch.testing.assert_close(embedded, guide.features(generator.decode(latent, [])), atol=1e-6, rtol=0)
    embedded[:, 0].sum().backward()
    assert torch.isfinite(feature.grad).all()
    assert (feature.grad.abs().amax((1, 2, 3)) > 0).all()


def test_gradients_pass_a_decoder_whose_weights_come_and_go(generator, images, monkeypatch):
    """As with `offload: sequential`, whose hooks leave no weights behind when the forward pass is over."""
    latent = generator.encode(SeedBatch(images, LABELS, torch.arange(3), rngs(0, 1, 2)))
    gradients = []
    for vae in (generator.pipeline.vae, cpu_offload(copy.deepcopy(generator.pipeline.vae), torch.device("cpu"))):
        monkeypatch.setattr(generator.pipeline, "vae", vae)
        feature = latent.feature.clone().requires_grad_()
        embedded = generator.embed(latent.with_feature(feature))
        places = {weight.device.type for weight in vae.parameters()}
        embedded[:, 0].sum().backward()
        gradients.append(feature.grad)
    assert places == {"meta"}
    torch.testing.assert_close(*gradients)


def test_the_scheduler_is_ddim_with_the_models_own_noise(generator, stable_diffusion):
    assert type(generator.pipeline.scheduler) is DDIMScheduler
    assert generator.pipeline.scheduler.config.beta_schedule == "scaled_linear"
    assert generator.pipeline.scheduler.config.steps_offset == 1


def test_a_strength_of_less_than_one_step_is_refused():
    with pytest.raises(ValueError, match=r"strength 0\.4 of 2 inference_steps is less than one step"):
        StableDiffusionConfig(**{**SETTINGS, "strength": 0.4, "inference_steps": 2})
