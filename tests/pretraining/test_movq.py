from copy import deepcopy

import pytest
import torch

from guided_imagination.pretraining.unclip import standardise
from guided_imagination.utils.randomness import generator


@pytest.fixture
def pictures():
    return torch.rand(16, 3, 16, 16, generator=generator("pictures")) * 2 - 1


@torch.no_grad()
def test_standardised_latents_have_zero_mean_and_unit_deviation(movq, pictures):
    model = deepcopy(movq)
    standardise(model, model.encode(pictures).latents)
    latents = model.encode(pictures).latents
    torch.testing.assert_close(latents.mean((0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(latents.std((0, 2, 3)), torch.ones(4), atol=1e-4, rtol=0)


@torch.no_grad()
def test_standardising_leaves_reconstructions_the_same(movq, pictures):
    model = deepcopy(movq)
    standardise(model, model.encode(pictures).latents)
    before, after = (
        each.decode(each.encode(pictures).latents, force_not_quantize=True).sample for each in (movq, model)
    )
    assert before.std() > 0.01
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)
