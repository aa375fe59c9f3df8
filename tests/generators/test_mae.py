import pytest
import torch
from torch.nn.functional import avg_pool2d

from guided_imagination.generators.mae import MaeGenerator

LABELS = torch.zeros(3, dtype=torch.long)


@pytest.fixture
def small(images):
    """Images of the model's own size."""
    return avg_pool2d(images, 2)


@pytest.fixture(params=["full", "residual"])
def generator(request, mae_model, mae_processor, guide):
    return MaeGenerator(mae_model, mae_processor, guide, request.param)


def test_the_latent_has_a_token_per_patch_and_one_for_the_class(generator, small):
    assert generator.encode(small, LABELS).feature.shape == (3, 1 + 16, 16)


def test_noise_is_shared_by_all_patches(generator, small):
    assert generator.noise_shape(generator.encode(small, LABELS).feature) == (3, 1, 16)


def test_images_of_another_size_are_brought_to_the_models(generator, images):
    assert generator.decode(generator.encode(images, LABELS), []).shape == (3, 3, 16, 16)


def test_decoded_images_stay_in_range_however_strong_the_decoder(generator, small, monkeypatch):
    latent = generator.encode(small, LABELS)
    weight = generator.mae.decoder.decoder_pred.weight
    monkeypatch.setattr(weight, "data", 100 * weight.data)
    made = generator.decode(latent, [])
    assert made.shape == (3, 3, 16, 16)
    assert made.min() == 0
    assert made.max() == 1


def test_full_decoding_is_the_models_own_reconstruction(mae_model, mae_processor, guide, small):
    generator = MaeGenerator(mae_model, mae_processor, guide, "full")
    ours = generator.decode(generator.encode(small, LABELS), [])
    with torch.no_grad():
        logits = mae_model((small - 0.5) / 0.5).logits  # at mask ratio 0, patches in any order
    expected = (mae_model.unpatchify(logits) * 0.5 + 0.5).clamp(0, 1)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_residual_decoding_of_an_unchanged_latent_is_the_seed(mae_model, mae_processor, guide, small):
    generator = MaeGenerator(mae_model, mae_processor, guide, "residual")
    latent = generator.encode(small, LABELS)
    torch.testing.assert_close(generator.decode(latent, []), small, atol=1e-6, rtol=0)


def test_residual_decoding_adds_what_the_change_of_the_latent_shows(mae_model, mae_processor, guide, small):
    full = MaeGenerator(mae_model, mae_processor, guide, "full")
    residual = MaeGenerator(mae_model, mae_processor, guide, "residual")
    before, after = full.encode(small, LABELS), residual.encode(small, LABELS)
    moved = before.feature + torch.linspace(-1, 1, 16)
    change = full.decode(before.with_feature(moved), []) - full.decode(before, [])
    assert change.abs().max() > 0.01
    shown = residual.decode(after.with_feature(moved), [])
    torch.testing.assert_close(shown, (small + change).clamp(0, 1), atol=1e-5, rtol=0)


def test_embeddings_are_those_of_the_decoded_image(generator, guide, small):
    latent = generator.encode(small, LABELS)
    shown = guide.features(generator.decode(latent, []))
    torch.testing.assert_close(generator.embed(latent), shown, atol=1e-6, rtol=0)
    torch.testing.assert_close(shown.norm(dim=1), torch.ones(3))


def test_gradients_reach_the_latent_through_decoder_and_clip(generator, small):
    latent = generator.encode(small, LABELS)
    feature = latent.feature.requires_grad_()
    generator.embed(latent.with_feature(feature))[:, 0].sum().backward()
    assert torch.isfinite(feature.grad).all()
    assert (feature.grad.abs().amax((1, 2)) > 0).all()
