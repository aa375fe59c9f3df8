import pytest
import torch
from torch.nn.functional import avg_pool2d

from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.mae import MaeGenerator
from helpers import tiny

LABELS, OWNER = torch.zeros(3, dtype=torch.long), torch.arange(3)


@pytest.fixture
def small(images):
    """Images of the model's own size."""
    return avg_pool2d(images, 2)


@pytest.fixture(params=["full", "residual"])
def generator(request, mae_model, mae_processor, guide):
    return MaeGenerator(mae_model, mae_processor, guide, request.param)


def test_the_latent_has_a_token_per_patch_and_one_for_the_class(generator, small):
    assert generator.encode(SeedBatch(small, LABELS, OWNER, [])).feature.shape == (3, 1 + 16, 16)


def test_noise_is_shared_by_all_patches(generator, small):
    assert generator.noise_shape(generator.encode(SeedBatch(small, LABELS, OWNER, [])).feature) == (3, 1, 16)


def test_images_of_another_size_are_brought_to_the_models(generator, images):
    assert generator.decode(generator.encode(SeedBatch(images, LABELS, OWNER, [])), []).shape == (3, 3, 16, 16)


def test_decoded_images_stay_in_range_however_strong_the_decoder(generator, small, monkeypatch):
    latent = generator.encode(SeedBatch(small, LABELS, OWNER, []))
    weight = generator.mae.decoder.decoder_pred.weight
    monkeypatch.setattr(weight, "data", 100 * weight.data)
    made = generator.decode(latent, [])
    assert made.shape == (3, 3, 16, 16)
    assert made.min() == 0
    assert made.max() == 1


def test_full_decoding_is_the_models_own_reconstruction(mae_model, mae_processor, guide, small):
    generator = MaeGenerator(mae_model, mae_processor, guide, "full")
    ours = generator.decode(generator.encode(SeedBatch(small, LABELS, OWNER, [])), [])
    with torch.no_grad():
        logits = mae_model((small - 0.5) / 0.5).logits  # at mask ratio 0, patches in any order
    expected = (mae_model.unpatchify(logits) * 0.5 + 0.5).clamp(0, 1)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_residual_decoding_of_an_unchanged_latent_is_the_seed(mae_model, mae_processor, guide, small):
    generator = MaeGenerator(mae_model, mae_processor, guide, "residual")
    latent = generator.encode(SeedBatch(small, LABELS, OWNER, []))
    torch.testing.assert_close(generator.decode(latent, []), small, atol=1e-6, rtol=0)


def test_residual_decoding_adds_what_the_change_of_the_latent_shows(mae_model, mae_processor, guide, small):
    full = MaeGenerator(mae_model, mae_processor, guide, "full")
    residual = MaeGenerator(mae_model, mae_processor, guide, "residual")
    before, after = (
        full.encode(SeedBatch(small, LABELS, OWNER, [])),
        residual.encode(SeedBatch(small, LABELS, OWNER, [])),
    )
    moved = before.feature + torch.linspace(-1, 1, 16)
    change = full.decode(before.with_feature(moved), []) - full.decode(before, [])
    assert change.abs().max() > 0.01
    shown = residual.decode(after.with_feature(moved), [])
    torch.testing.assert_close(shown, (small + change).clamp(0, 1), atol=1e-5, rtol=0)


def test_embeddings_are_those_of_the_decoded_image(generator, guide, small):
    latent = generator.encode(SeedBatch(small, LABELS, OWNER, []))
    shown = guide.features(generator.decode(latent, []))
    torch.testing.assert_close(generator.embed(latent), shown, atol=1e-6, rtol=0)
    torch.testing.assert_close(shown.norm(dim=1), torch.ones(3))


def test_gradients_reach_the_latent_through_decoder_and_clip(generator, small):
    latent = generator.encode(SeedBatch(small, LABELS, OWNER, []))
    feature = latent.feature.requires_grad_()
    generator.embed(latent.with_feature(feature))[:, 0].sum().backward()
    assert torch.isfinite(feature.grad).all()
    assert (feature.grad.abs().amax((1, 2)) > 0).all()


def test_variants_share_the_latents_of_their_seeds(generator, small):
    seeds, variants = (
        generator.encode(SeedBatch(small, LABELS, OWNER, [])),
        generator.encode(SeedBatch(small, LABELS, torch.tensor([2, 0, 2, 1]), [])),
    )
    assert torch.equal(variants.feature, seeds.feature[[2, 0, 2, 1]])
    assert torch.equal(variants.context, seeds.context[[2, 0, 2, 1]])


def test_normalised_patches_get_the_statistics_of_the_seeds_patches(mae_processor, guide, small):
    mae = tiny.mae(norm_pix_loss=True)
    generator = MaeGenerator(mae, mae_processor, guide, "full")
    shown = generator.decode(generator.encode(SeedBatch(small, LABELS, OWNER, [])), [])
    with torch.no_grad():
        logits = mae((small - 0.5) / 0.5).logits  # (3, 16 patches, 4 * 4 pixels * 3 channels)
    row, column = 2, 1
    pixels = (small[1, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] - 0.5) / 0.5
    patch = logits[1, 4 * row + column].unflatten(0, (4, 4, 3)).permute(2, 0, 1)
    expected = ((patch * pixels.std() + pixels.mean()) * 0.5 + 0.5).clamp(0, 1)
    ours = shown[1, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_residual_decoding_of_an_unchanged_latent_is_the_seed_with_normalised_patches_too(mae_processor, guide, small):
    generator = MaeGenerator(tiny.mae(norm_pix_loss=True), mae_processor, guide, "residual")
    latent = generator.encode(SeedBatch(small, LABELS, OWNER, []))
    torch.testing.assert_close(generator.decode(latent, []), small, atol=1e-5, rtol=0)


def test_latents_and_images_are_float32_in_half_precision_too(mae_processor, guide, small):
    half = MaeGenerator(tiny.mae().bfloat16(), mae_processor, guide, "full")
    whole = MaeGenerator(tiny.mae(), mae_processor, guide, "full")
    latent = half.encode(SeedBatch(small, LABELS, OWNER, []))
    shown = half.decode(latent, [])
    assert latent.feature.dtype == shown.dtype == torch.float32
    expected = whole.decode(whole.encode(SeedBatch(small, LABELS, OWNER, [])), [])
    torch.testing.assert_close(shown, expected, atol=0.02, rtol=0)
