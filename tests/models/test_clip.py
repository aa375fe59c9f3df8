import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from transformers import CLIPImageProcessor, SiglipConfig, SiglipImageProcessor, SiglipModel

from guided_imagination.models import clip as guide_module
from guided_imagination.models.clip import (
    Guide,
    JointEncoders,
    SeparateEncoders,
    preprocess,
    to_size,
    zero_shot_weights,
)
from guided_imagination.utils.randomness import seeded
from helpers import tiny
from helpers.toy import NAMES

CPU = torch.device("cpu")


def picture(height: int, width: int) -> np.ndarray:
    """A colourful image (H, W, 3) uint8 with soft and hard edges, far enough from 0 and 255 not to be cut there."""
    y, x = np.mgrid[:height, :width] * (12 / min(height, width))
    image = 127 + 70 * np.stack([np.sin(x), np.cos(y), np.sin(x + 2 * y)], -1)
    image[height // 3 : height // 2, width // 3 :] = 200
    return image.astype(np.uint8)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None] / 255


def check_against_the_processor(processor, size):
    image = picture(*size)
    expected = processor(images=[image], return_tensors="pt")["pixel_values"]
    ours = preprocess(tensor(image), processor)
    assert ours.shape == expected.shape
    # the processor rounds to whole grey levels after each axis: 0.5 of the first, amplified by bicubic's 1.2, and 0.5
    torch.testing.assert_close(ours, expected, atol=1.1 / 255 / min(processor.image_std), rtol=0)


@pytest.mark.parametrize(
    "size", [(32, 32), (64, 64), (50, 50), (20, 20), (28, 28), (64, 40), (33, 47), (47, 33), (20, 29), (90, 37)]
)
def test_preprocessing_equals_the_processor_of_transformers(clip_processor, size):
    check_against_the_processor(clip_processor.image_processor, size)


@pytest.mark.parametrize("size", [(375, 500), (500, 333), (224, 224), (96, 96)])
@pytest.mark.parametrize("resample", [2, 3])
@pytest.mark.parametrize("kind", [CLIPImageProcessor, SiglipImageProcessor])
def test_real_sized_images_are_preprocessed_as_by_clip_and_siglip(kind, resample, size):
    check_against_the_processor(kind(resample=resample), size)


def test_clip_keeps_the_shape_of_things_and_siglip_the_whole_image(clip_processor):
    image = torch.zeros(1, 3, 224, 448)
    image[..., 224:] = 1  # black on the left, white on the right
    cropped, squeezed = to_size(image, CLIPImageProcessor()), to_size(image, SiglipImageProcessor())
    assert cropped.shape == squeezed.shape == (1, 3, 224, 224)
    assert image[0, 0, 0, 112:336].mean() == cropped.mean() == 0.5
    assert torch.equal(cropped, image[..., 112:336])
    assert squeezed[..., :100].max() == 0 and squeezed[..., -100:].min() == 1


def test_preprocessing_passes_gradients(clip_processor):
    image = torch.full((1, 3, 40, 40), 0.5, requires_grad=True)
    preprocess(image, clip_processor.image_processor).sum().backward()
    # resizing by 32/40 and dividing by std 0.3: every output adds its weight 1 / 0.3 to some inputs
    assert image.grad.sum().item() == pytest.approx(3 * 32 * 32 / 0.3, rel=1e-4)


def test_zero_shot_weights_have_unit_norm(guide):
    torch.testing.assert_close(guide.head.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize("texts_per_batch", [256, 3])
def test_zero_shot_weights_are_averaged_over_templates(clip_model, clip_processor, texts_per_batch, monkeypatch):
    monkeypatch.setattr(guide_module, "TEXTS_PER_BATCH", texts_per_batch)
    templates = ["a photo of a {}.", "one {} on a black background."]
    weights = zero_shot_weights(JointEncoders(clip_model), clip_processor.tokenizer, NAMES, templates, CPU)
    for row, name in enumerate(NAMES):
        units = []
        for template in templates:
            tokens = clip_processor.tokenizer([template.format(name)], return_tensors="pt")
            units.append(normalize(clip_model.get_text_features(**tokens).pooler_output, dim=-1)[0])
        expected = normalize((units[0] + units[1]) / 2, dim=0)
        torch.testing.assert_close(weights[row], expected, atol=1e-5, rtol=0)


def test_two_hundred_classes_with_many_templates_never_go_in_one_batch(clip_model, clip_processor, monkeypatch):
    encoders, seen = JointEncoders(clip_model), []
    monkeypatch.setattr(encoders, "encode_texts", lambda tokens: seen.append(len(tokens)) or torch.ones(len(tokens), 8))
    names, templates = [f"class {index}" for index in range(200)], [f"{index} {{}}" for index in range(7)]
    assert zero_shot_weights(encoders, clip_processor.tokenizer, names, templates, CPU).shape == (200, 8)
    assert max(seen) <= 256
    assert sum(seen) == 1400


def test_features_have_unit_norm(guide, images):
    torch.testing.assert_close(guide.features(images).norm(dim=1), torch.ones(3))


def test_log_probs_are_the_softmax_of_scaled_cosines(guide, images):
    features = guide.features(images)
    cosines = (features.double() @ guide.head.double().T).numpy()
    expected = np.exp(7 * cosines) / np.exp(7 * cosines).sum(1, keepdims=True)
    np.testing.assert_allclose(guide.log_probs(features, 7).exp().numpy(), expected, rtol=1e-5)


def test_log_probs_normalise(guide, images):
    torch.testing.assert_close(guide.log_probs(guide.features(images)).exp().sum(1), torch.ones(3))


def test_the_prediction_is_the_most_probable_class(guide, images):
    assert torch.equal(guide.predict(images), guide.log_probs(guide.features(images)).argmax(1))


def test_gradients_reach_the_images_but_not_the_model(guide, images):
    pixels = images.requires_grad_()
    guide.log_probs(guide.features(pixels))[:, 0].sum().backward()
    assert (pixels.grad.abs().amax((1, 2, 3)) > 0).all()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in guide.parameters())


def test_image_features_are_those_of_transformers(guide, clip_model, clip_processor, images):
    pictures = [(image.permute(1, 2, 0) * 255).round().byte().numpy() for image in images]
    pixels = clip_processor.image_processor(images=pictures, return_tensors="pt")["pixel_values"]
    expected = clip_model.get_image_features(pixels).pooler_output
    torch.testing.assert_close(guide.image_embeds(images), expected, atol=1e-5, rtol=0)


def test_the_zero_embedding_is_that_of_an_all_zero_encoder_input(guide, clip_model):
    expected = clip_model.get_image_features(torch.zeros(1, 3, 32, 32)).pooler_output
    torch.testing.assert_close(guide.zero_embedding(), expected)
    assert guide.width == 8


def test_an_image_and_a_text_encoder_guide_together(clip_processor, images):
    tokenizer, image_processor = clip_processor.tokenizer, clip_processor.image_processor
    image_encoder, text_encoder = tiny.image_encoder(12), tiny.projected_text_encoder(tokenizer, 12)
    guide = Guide(SeparateEncoders(image_encoder, text_encoder), image_processor, tokenizer, NAMES, ["a {}."])
    text = text_encoder(**tokenizer(["a dog."], return_tensors="pt")).text_embeds
    torch.testing.assert_close(guide.head[1:], normalize(text, dim=-1), atol=1e-5, rtol=0)
    pixels = preprocess(images, image_processor)
    torch.testing.assert_close(guide.image_embeds(images), image_encoder(pixels).image_embeds)


def test_siglip_reads_texts_padded_to_its_context_without_a_mask(clip_processor):
    tokenizer = clip_processor.tokenizer
    text = {**tiny.text_config(tokenizer), "projection_size": 16}
    with seeded("siglip"):
        model = SiglipModel(
            SiglipConfig(text_config=text, vision_config={**tiny.LAYER, "image_size": 224, "patch_size": 112})
        ).eval()
    guide = Guide(JointEncoders(model), SiglipImageProcessor(), tokenizer, NAMES, ["a {}."])
    padded = tokenizer("a cat.").input_ids
    padded += [tokenizer.pad_token_id] * (tiny.CONTEXT - len(padded))
    expected = normalize(model.get_text_features(torch.tensor([padded])).pooler_output, dim=-1)
    torch.testing.assert_close(guide.head[:1], expected, atol=1e-6, rtol=0)


def test_features_and_probabilities_are_float32_whatever_the_weights(clip_processor, guide, images):
    model = tiny.clip(clip_processor.tokenizer, 8).bfloat16()
    half = Guide(
        JointEncoders(model),
        clip_processor.image_processor,
        clip_processor.tokenizer,
        NAMES,
        ["a photo of a {}.", "a {}."],
    )
    with torch.autocast("cpu", torch.bfloat16):
        features = half.features(images)
        log_probs = half.log_probs(features)
    assert half.head.dtype == features.dtype == log_probs.dtype == torch.float32
    torch.testing.assert_close(features, guide.features(images), atol=0.03, rtol=0)
    torch.testing.assert_close(log_probs, half.log_probs(features))  # autocast changed nothing
