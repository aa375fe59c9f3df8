from types import SimpleNamespace

import pytest
import torch
from diffusers import DDPMScheduler

from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.unclip import UnclipGenerator
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import generator as rng

LABELS, OWNER = torch.zeros(3, dtype=torch.long), torch.arange(3)


@pytest.fixture
def generator(kandinsky, guide):
    return UnclipGenerator(kandinsky, guide, image_size=16, inference_steps=2, guidance_scale=1.5)


def rngs(*names):
    return [rng("unclip", name) for name in names]


def test_the_latent_is_the_clip_image_embedding(generator, clip_model, clip_processor, images):
    pictures = [(image.permute(1, 2, 0) * 255).round().byte().numpy() for image in images]
    pixels = clip_processor.image_processor(images=pictures, return_tensors="pt")["pixel_values"]
    expected = clip_model.get_image_features(pixels).pooler_output
    torch.testing.assert_close(
        generator.encode(SeedBatch(images, LABELS, OWNER, [])).feature, expected, atol=1e-5, rtol=0
    )


def test_noise_is_one_number_per_channel_of_the_embedding(generator, images):
    assert generator.noise_shape(generator.encode(SeedBatch(images, LABELS, OWNER, [])).feature) == (3, 8)


def test_embeddings_have_unit_norm_and_the_latents_direction(generator, images):
    latent = generator.encode(SeedBatch(images, LABELS, OWNER, []))
    embedded = generator.embed(latent)
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(3))
    torch.testing.assert_close((embedded * latent.feature).sum(1), latent.feature.norm(dim=1))


def test_embeddings_are_differentiable_in_the_latent(generator, images):
    latent = generator.encode(SeedBatch(images, LABELS, OWNER, []))
    feature = latent.feature.clone().requires_grad_()
    generator.embed(latent.with_feature(feature))[:, 0].sum().backward()
    assert (feature.grad.abs().amax(1) > 0).all()


def test_decoded_images_have_the_asked_size_and_range(generator, images):
    made = generator.decode(generator.encode(SeedBatch(images, LABELS, OWNER, [])), rngs(0, 1, 2))
    assert made.shape == (3, 3, 16, 16)
    assert torch.isfinite(made).all()
    assert 0 <= made.min() < made.max() <= 1


def test_the_decoders_minus_one_to_one_becomes_zero_to_one(generator, movq, images, monkeypatch):
    last = movq.decoder.conv_out  # without weights it shows its bias
    monkeypatch.setattr(last.weight, "data", torch.zeros_like(last.weight))
    monkeypatch.setattr(last.bias, "data", torch.tensor([0.0, 0.5, -3.0]))
    made = generator.decode(generator.encode(SeedBatch(images, LABELS, OWNER, [])), rngs(0, 1, 2))
    torch.testing.assert_close(made.mean((0, 2, 3)), torch.tensor([0.5, 0.75, 0.0]))


def test_a_sample_decodes_alike_alone_and_in_a_batch(generator, images):
    latent = generator.encode(SeedBatch(images, LABELS, OWNER, []))
    together = generator.decode(latent, rngs(0, 1, 2))
    alone = generator.decode(latent.take(torch.tensor([1])), rngs(1))
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=0)


def test_another_random_seed_gives_another_image(generator, images):
    latent = generator.encode(SeedBatch(images, LABELS, OWNER, [])).take(torch.tensor([0, 0]))
    first, second = generator.decode(latent, rngs(0, 1))
    assert (first - second).abs().max() > 0.01


def test_the_embedding_decides_what_is_shown(generator, images):
    latent = generator.encode(SeedBatch(images, LABELS, OWNER, [])).take(torch.tensor([0, 0]))
    moved = latent.with_feature(latent.feature + torch.tensor([[0.0], [10.0]]))
    first, second = generator.decode(moved, rngs(0, 0))
    assert not torch.equal(first, second)


def test_a_guide_of_another_width_is_refused(kandinsky):
    with pytest.raises(InputError, match="width 8, but the guide's have 5"):
        UnclipGenerator(kandinsky, SimpleNamespace(width=5), image_size=16, inference_steps=2, guidance_scale=1.5)


def test_a_random_scheduler_draws_from_the_samples_own_generators(kandinsky, guide, images, monkeypatch):
    """The decoder on the hub comes with DDPM, which adds noise at each step."""
    monkeypatch.setattr(kandinsky, "scheduler", DDPMScheduler(variance_type="learned_range"))
    generator = UnclipGenerator(kandinsky, guide, image_size=16, inference_steps=3, guidance_scale=1.5)
    latent = generator.encode(SeedBatch(images, LABELS, OWNER, []))
    together = generator.decode(latent, rngs(0, 1, 2))
    torch.rand(7)  # the global state plays no part
    assert torch.equal(generator.decode(latent, rngs(0, 1, 2)), together)
    alone = generator.decode(latent.take(torch.tensor([1])), rngs(1))
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=0)
