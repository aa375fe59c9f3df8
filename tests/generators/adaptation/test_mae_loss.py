from copy import deepcopy

import pytest
import torch
from transformers import ViTMAEForPreTraining

from guided_imagination.generators.adaptation.mae import reconstruction_loss
from guided_imagination.utils.randomness import seeded

IMAGES = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
ORDER = torch.arange(16).flip(0).float().expand(2, -1)  # the last quarter of the patches is visible


@pytest.fixture(params=[False, True], ids=["pixels", "normalised"])
def model(request, mae_model):
    with seeded("loss"):
        model = ViTMAEForPreTraining(deepcopy(mae_model.config))
    model.config.norm_pix_loss = request.param
    return model


@torch.no_grad()
def test_visible_patches_count_as_much_as_the_masked_ones_of_the_models_own_loss(model):
    out = model(IMAGES, noise=ORDER)
    assert out.mask[0].tolist() == [1] * 12 + [0] * 4
    patches = model.patchify(IMAGES)
    if model.config.norm_pix_loss:
        patches = (patches - patches.mean(-1, keepdim=True)) / patches.std(-1, keepdim=True)
    visible = (out.logits - patches)[:, 12:].square().mean()
    expected = (12 * out.loss + 4 * visible) / 16
    torch.testing.assert_close(reconstruction_loss(model, IMAGES, ORDER), expected, atol=1e-5, rtol=1e-5)
