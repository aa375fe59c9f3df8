import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from guided_imagination.guide import Guide, preprocess, zero_shot_weights
from toy import NAMES


def picture(height: int, width: int) -> np.ndarray:
    """A colourful image (H, W, 3) uint8 with soft and hard edges, far enough from 0 and 255 not to be cut there."""
    y, x = np.mgrid[:height, :width] / 8
    image = 127 + 70 * np.stack([np.sin(x), np.cos(y), np.sin(x + 2 * y)], -1)
    image[height // 3 : height // 2, width // 3 :] = 200
    return image.astype(np.uint8)


@pytest.mark.parametrize(
    "size", [(32, 32), (64, 64), (50, 50), (20, 20), (28, 28), (64, 40), (33, 47), (47, 33), (20, 29), (90, 37)]
)
def test_preprocessing_equals_the_processor_of_transformers(clip_processor, size):
    image = picture(*size)
    expected = clip_processor.image_processor(images=[image], return_tensors="pt")["pixel_values"]
    ours = preprocess(torch.from_numpy(image).permute(2, 0, 1)[None] / 255, clip_processor.image_processor)
    assert ours.shape == expected.shape
    # the processor rounds to whole grey levels after each axis: 0.5 of the first, amplified by bicubic's 1.2, and 0.5
    torch.testing.assert_close(ours, expected, atol=1.1 / 255 / 0.3, rtol=0)


def test_preprocessing_passes_gradients(clip_processor):
    image = torch.full((1, 3, 40, 40), 0.5, requires_grad=True)
    preprocess(image, clip_processor.image_processor).sum().backward()
    # resizing by 32/40 and dividing by std 0.3: every output adds its weight 1 / 0.3 to some inputs
    assert image.grad.sum().item() == pytest.approx(3 * 32 * 32 / 0.3, rel=1e-4)


def test_zero_shot_weights_have_unit_norm(guide):
    torch.testing.assert_close(guide.head.norm(dim=1), torch.ones(2))


def test_zero_shot_weights_are_averaged_over_templates(clip_model, clip_processor):
    templates = ["a photo of a {}.", "one {} on a black background."]
    for row, name in enumerate(NAMES):
        units = []
        for template in templates:
            tokens = clip_processor.tokenizer([template.format(name)], return_tensors="pt")
            units.append(normalize(clip_model.get_text_features(**tokens).pooler_output, dim=-1)[0])
        expected = normalize((units[0] + units[1]) / 2, dim=0)
        weights = zero_shot_weights(clip_model, clip_processor, NAMES, templates)
        torch.testing.assert_close(weights[row], expected, atol=1e-5, rtol=0)


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


def test_image_features_are_those_of_transformers(clip_model, clip_processor, images):
    guide = Guide(clip_model, clip_processor, NAMES, ["a {}."])
    pictures = [(image.permute(1, 2, 0) * 255).round().byte().numpy() for image in images]
    pixels = clip_processor.image_processor(images=pictures, return_tensors="pt")["pixel_values"]
    expected = clip_model.get_image_features(pixels).pooler_output
    torch.testing.assert_close(guide.image_embeds(images), expected, atol=1e-5, rtol=0)
