from types import SimpleNamespace

import pytest
import torch

from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.unclip import StableUnclipGenerator
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import generator as rng

LABELS, OWNER = torch.zeros(3, dtype=torch.long), torch.arange(3)
SETTINGS = {"image_size": 16, "inference_steps": 3, "guidance_scale": 2, "noise_level": 0}


@pytest.fixture
def generator(stable_unclip, guide):
    return StableUnclipGenerator(stable_unclip, guide, **SETTINGS)


@pytest.fixture
def latent(generator, images):
    return generator.encode(SeedBatch(images, LABELS, OWNER, []))


def rngs(*names):
    return [rng("stable unclip", name) for name in names]


def test_the_latent_is_the_guides_embedding_of_each_variants_seed(generator, guide, images):
    variants = generator.encode(SeedBatch(images, LABELS, torch.tensor([2, 2, 0]), []))
    torch.testing.assert_close(variants.feature, guide.image_embeds(images[[2, 2, 0]]))
    assert generator.noise_shape(variants.feature) == (3, 8)


def test_decoded_images_have_the_asked_size_and_range(generator, latent):
    made = generator.decode(latent, rngs(0, 1, 2))
    assert made.shape == (3, 3, 16, 16)
    assert torch.isfinite(made).all()
    assert 0 <= made.min() < made.max() <= 1


def test_a_sample_decodes_alike_alone_and_in_a_batch(generator, latent):
    together = generator.decode(latent, rngs(0, 1, 2))
    alone = generator.decode(latent.take(torch.tensor([1])), rngs(1))
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=0)


def test_the_same_seeds_give_the_same_bits_and_others_another_image(generator, latent):
    first = generator.decode(latent, rngs(0, 1, 2))
    torch.rand(7)  # the global state plays no part
    assert torch.equal(generator.decode(latent, rngs(0, 1, 2)), first)
    assert (generator.decode(latent, rngs(3, 1, 2))[0] - first[0]).abs().max() > 0.01


def test_the_embedding_and_its_noise_decide_what_is_shown(stable_unclip, generator, guide, latent):
    first = generator.decode(latent, rngs(0, 1, 2))
    moved = generator.decode(latent.with_feature(latent.feature + 3), rngs(0, 1, 2))
    noisy = StableUnclipGenerator(stable_unclip, guide, **{**SETTINGS, "noise_level": 900})
    assert (moved - first).abs().amax((1, 2, 3)).min() > 1e-4
    assert (noisy.decode(latent, rngs(0, 1, 2)) - first).abs().amax((1, 2, 3)).min() > 1e-4


def test_a_guide_of_another_width_is_refused(stable_unclip):
    with pytest.raises(InputError, match="width 8, but the guide's have 5"):
        StableUnclipGenerator(stable_unclip, SimpleNamespace(width=5), **SETTINGS)
