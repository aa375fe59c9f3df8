import pytest
import torch

from guided_imagination.config.models import StableDiffusionConfig
from guided_imagination.data.dataset import to_tensors
from guided_imagination.generators.adaptation.conditioning import (
    class_prompts,
    kandinsky_lesson,
    stable_diffusion_lesson,
    stable_unclip_lesson,
)
from guided_imagination.generators.adaptation.loading import load_task
from guided_imagination.generators.adaptation.objective import Seeds
from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.unclip import UnclipGenerator
from guided_imagination.models.device import CPU
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import seeded
from helpers.toy import NAMES, dataset

SIDE = 16
SEEDS = Seeds(dataset([0, 1, 0, 1], side=SIDE), NAMES, SIDE, torch.device("cpu"))
ROWS = torch.tensor([3, 0])
EMBEDS = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))


def pixels(rows):
    """The seeds at `rows` in [-1, 1]."""
    return to_tensors(SEEDS.dataset)[0][rows] / 127.5 - 1


def test_seeds_are_read_at_the_resolution_and_shown_at_the_models_size():
    seeds = Seeds(SEEDS.dataset, NAMES, 8, torch.device("cpu"))
    images = seeds.images(ROWS, 32)
    assert images.shape == (2, 3, 32, 32)
    assert 0 <= images.min() < images.max() <= 1
    expected = to_tensors(SEEDS.dataset, 8)[0][ROWS] / 255
    torch.testing.assert_close(seeds.images(ROWS), expected)


def test_kandinsky_denoises_what_movq_makes_of_a_seed(kandinsky, expander):
    lesson = kandinsky_lesson(kandinsky, EMBEDS, EMBEDS[0], SEEDS, expander("unclip").generator)
    with torch.no_grad():
        expected = kandinsky.movq.encode(pixels(ROWS)).latents
    torch.testing.assert_close(lesson.latents(ROWS), expected, atol=1e-5, rtol=0)
    assert torch.equal(lesson.condition(ROWS), EMBEDS[ROWS])


def test_kandinsky_is_told_what_it_is_told_when_it_generates(monkeypatch, expander, kandinsky, guide, tmp_path):
    """The seeds' embeddings, and the generator's own negative embedding."""
    seen = {}

    def lesson(pipeline, embeds, zero, seeds, config):
        seen.update(embeds=embeds, zero=zero)
        return kandinsky_lesson(pipeline, embeds, zero, seeds, config)

    monkeypatch.setattr("guided_imagination.generators.adaptation.loading.kandinsky_lesson", lesson)
    settings = expander("unclip")
    config = settings.config.adapt
    load_task(settings.generator, settings.guide, SEEDS, config=config, seed=0, placement=CPU, hub_folder=tmp_path)
    generator = UnclipGenerator(kandinsky, guide, SIDE, 2, 2.0)
    images = SEEDS.images(torch.arange(4))
    latent = generator.encode(SeedBatch(images, SEEDS.labels, torch.arange(4), []))
    torch.testing.assert_close(seen["embeds"], latent.feature, atol=1e-5, rtol=0)
    torch.testing.assert_close(seen["zero"], generator.negative[0], atol=1e-5, rtol=0)


def test_stable_unclip_is_told_the_noised_embedding_and_its_level(stable_unclip, expander):
    config = expander("stable_unclip", noise_level=500).generator
    lesson = stable_unclip_lesson(stable_unclip, EMBEDS, SEEDS, config)
    with seeded("noise"):
        told = lesson.condition(ROWS)
    with seeded("noise"):
        noise = torch.randn(2, 8)
    # the tiny normaliser's deviation is 0.5, and embeddings are noised in units of it
    share = stable_unclip.image_noising_scheduler.alphas_cumprod[500]
    torch.testing.assert_close(told[:, :8], share.sqrt() * EMBEDS[ROWS] + 0.5 * (1 - share).sqrt() * noise)
    # cosines before sines of the level at frequencies 10000^(-i/4)
    angles = 500 * 10000 ** (-torch.arange(4) / 4)
    torch.testing.assert_close(told[0, 8:], torch.cat([angles.cos(), angles.sin()]), atol=1e-4, rtol=0)
    assert torch.equal(lesson.unconditional, torch.zeros(16))  # as the pipeline's own guidance


def test_stable_diffusion_is_told_the_first_domain_and_the_class(stable_diffusion, expander):
    config = expander("stable_diffusion", domains=["a photo of a", "a sketch of a"]).generator
    assert isinstance(config, StableDiffusionConfig)
    lesson = stable_diffusion_lesson(stable_diffusion, SEEDS, config)
    with torch.no_grad():
        expected, nothing = stable_diffusion.encode_prompt(["a photo of a dog", "a photo of a cat"], "cpu", 1, True)
    torch.testing.assert_close(lesson.condition(ROWS), expected)  # labels 1 and 0
    torch.testing.assert_close(lesson.unconditional, nothing[0])


def test_prompts_are_words(expander):
    words = Seeds(SEEDS.dataset, ["Snowy owl", "blue jay"], SIDE, torch.device("cpu"))
    config = expander("stable_diffusion", domains=["a photo of a"]).generator
    assert class_prompts(words, config) == ["a photo of a Snowy owl", "a photo of a blue jay"]


def test_stable_diffusions_latents_are_drawn_from_the_posterior(stable_diffusion, expander):
    lesson = stable_diffusion_lesson(stable_diffusion, SEEDS, expander("stable_diffusion").generator)
    with torch.no_grad():
        posterior = stable_diffusion.vae.encode(pixels(ROWS[:1])).latent_dist
    with seeded("posterior"):
        drawn = lesson.latents(ROWS[:1].expand(4000)) / 0.18215  # the scaling factor of Stable Diffusion
    assert drawn.shape == (4000, 4, 8, 8)
    torch.testing.assert_close(drawn.mean(0), posterior.mean[0], atol=0.1, rtol=0.1)
    torch.testing.assert_close(drawn.std(0), posterior.std[0], atol=0.1, rtol=0.1)


@pytest.mark.parametrize("kind", ["kandinsky", "stable_unclip"])
def test_the_clip_of_another_decoder_is_refused(kandinsky, stable_unclip, expander, kind):
    with pytest.raises(InputError, match=r"CLIP embeddings of width 8, but the guide's have 7"):
        if kind == "kandinsky":
            kandinsky_lesson(kandinsky, EMBEDS[:, :7], EMBEDS[0, :7], SEEDS, expander("unclip").generator)
        else:
            stable_unclip_lesson(stable_unclip, EMBEDS[:, :7], SEEDS, expander("stable_unclip").generator)
