"""eps and noise mean the same for every generator, whatever the scale of its features."""

from copy import deepcopy

import pytest
import torch

from guided_imagination.config.models import StableDiffusionConfig
from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.mae import MaeGenerator
from guided_imagination.generators.stable_diffusion import StableDiffusionGenerator
from guided_imagination.generators.unclip import StableUnclipGenerator, UnclipGenerator
from guided_imagination.imagination.imagine import imagine
from guided_imagination.models.clip import Guide, JointEncoders
from guided_imagination.models.device import Batches
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.randomness import generator
from helpers.toy import NAMES, guidance

SIDE = 16
IMAGES = torch.rand(2, 3, 32, 32, generator=generator("scales"))


def of_norm(norm, clip_model, clip_processor):
    """A guide whose image embeddings have this mean length."""

    def guide(model):
        parts = clip_processor.image_processor, clip_processor.tokenizer
        return Guide(JointEncoders(model), *parts, NAMES, ["a {}."])

    model = deepcopy(clip_model)
    length = guide(model).image_embeds(IMAGES).norm(dim=1).mean()
    with torch.no_grad():
        model.visual_projection.weight *= norm / length
    return guide(model)


def moved(made_by, guide, steps=0):
    rngs = [generator("scales", row) for row in range(4)]
    batch = SeedBatch(IMAGES, torch.tensor([0, 1]), torch.tensor([0, 0, 1, 1]), rngs)
    config = guidance(eps=1.5, noise=2.0, steps=steps, step_size=0.1)
    return imagine(made_by, guide, batch, config, Batches(8), Clock()).moves


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("kind", ["kandinsky", "stable_unclip"])
def test_embeddings_of_norm_1_16_and_30(kind, steps, clip_model, clip_processor, kandinsky, stable_unclip):
    cosines = []
    for norm in (1, 16, 30):
        guide = of_norm(norm, clip_model, clip_processor)
        if kind == "kandinsky":
            made = moved(UnclipGenerator(kandinsky, guide, SIDE, 2, 2.0), guide, steps)
        else:
            made = moved(StableUnclipGenerator(stable_unclip, guide, SIDE, 2, 2.0, 0), guide, steps)
        assert made["latent_scale"].mean().item() == pytest.approx(norm / 8**0.5, rel=0.05)  # of 8 components
        cosines.append(made["latent_cosine"])
    assert 0.2 < cosines[0].mean() < 0.95
    for other in cosines[1:]:
        torch.testing.assert_close(other, cosines[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize("factor", [1, 16, 30])
def test_tokens_of_a_mae(factor, mae_model, mae_processor, guide):
    model = deepcopy(mae_model)
    plain = moved(MaeGenerator(deepcopy(mae_model), mae_processor, guide, "full"), guide)
    with torch.no_grad():
        for weights in model.vit.layernorm.parameters():
            weights *= factor
    made = moved(MaeGenerator(model, mae_processor, guide, "full"), guide)
    torch.testing.assert_close(made["latent_scale"], factor * plain["latent_scale"])
    torch.testing.assert_close(made["latent_cosine"], plain["latent_cosine"], atol=1e-4, rtol=0)


def test_latents_of_stable_diffusion(stable_diffusion, guide):
    """Their scale is the autoencoder's own; the cosine is what eps and the noise say for any."""
    config = StableDiffusionConfig(
        kind="stable_diffusion",
        model="toy",
        image_size=SIDE,
        inference_steps=2,
        guidance_scale=2,
        strength=0.5,
        rotation=0,
        flip=0,
        domains=["a"],
        adjectives=[""],
    )

    class Louder(StableDiffusionGenerator):
        factor = 1.0

        def encode(self, batch):
            latent = super().encode(batch)
            return latent.with_feature(self.factor * latent.feature)

    cosines = []
    for factor in (1.0, 16.0, 30.0):
        made_by = Louder(deepcopy(stable_diffusion), guide, NAMES, config)
        made_by.factor = factor
        cosines.append(moved(made_by, guide)["latent_cosine"])
    for other in cosines[1:]:
        torch.testing.assert_close(other, cosines[0], atol=1e-4, rtol=0)
