"""Encoders without words, in the layout of the hub: their features, and how wrong kinds are refused."""

import json

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch.nn.functional import normalize
from torchvision.transforms.functional import center_crop, resize
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

from guided_imagination.config.models import GuideConfig
from guided_imagination.models.clip import canonical, zero_shot_weights
from guided_imagination.models.device import CPU
from guided_imagination.models.heads import Head
from guided_imagination.models.loading import load_guide
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import seeded

IMAGES = torch.rand(3, 3, 20, 20, generator=torch.Generator().manual_seed(0))
MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]


def normalised(images):
    return (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


@pytest.fixture
def dino(tmp_path):
    with seeded("dino"):
        sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
        model = Dinov2Model(Dinov2Config(**sizes, image_size=20, patch_size=5)).eval()
    model.save_pretrained(tmp_path / "dino")
    sides = {"size": {"shortest_edge": 20}, "crop_size": {"height": 20, "width": 20}}
    BitImageProcessor(**sides, image_mean=MEAN, image_std=STD).save_pretrained(tmp_path / "dino")
    return model, tmp_path / "dino"


@pytest.fixture
def network(tmp_path):
    with seeded("timm"):
        model = timm.create_model("test_resnet", num_classes=7).eval()
    folder = tmp_path / "timm"
    folder.mkdir()
    save_file(model.state_dict(), folder / "model.safetensors")
    described = {"input_size": [3, 16, 16], "crop_pct": 0.8, "interpolation": "bilinear", "mean": MEAN, "std": STD}
    config = {"architecture": "test_resnet", "num_classes": 7, "pretrained_cfg": described}
    (folder / "config.json").write_text(json.dumps(config))
    return model, folder


def load(kind, folder):
    return load_guide(GuideConfig(kind=kind, model=str(folder)), ["a", "b"], ["{}"], CPU, folder)


def test_a_vision_encoder_gives_its_pooled_output(dino):
    model, folder = dino
    guide = load("vision", folder)
    with torch.no_grad():
        expected = normalize(model(normalised(IMAGES)).pooler_output, dim=1)
    torch.testing.assert_close(guide.features(IMAGES), expected)
    assert (guide.width, guide.text, guide.logit_scale) == (8, None, 100)


def test_a_network_of_timm_gives_what_stands_before_its_classifier(network):
    model, folder = network
    guide = load("timm", folder)
    shown = normalised(center_crop(resize(IMAGES, 20, antialias=True), 16))
    with torch.no_grad():
        expected = normalize(model.forward_head(model.forward_features(shown), pre_logits=True), dim=1)
    torch.testing.assert_close(guide.features(IMAGES), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["vision", "timm"])
def test_without_words_it_classifies_once_it_has_a_head(kind, request):
    _, folder = request.getfixturevalue({"vision": "dino", "timm": "network"}[kind])
    guide = load(kind, folder)
    with pytest.raises(ValueError, match="needs a head before it can classify"):
        guide.predict(IMAGES)
    headed = guide.with_head(Head(torch.eye(2, guide.width), torch.tensor([0.0, 9.0])))
    assert headed.predict(IMAGES).tolist() == [1, 1, 1]


def test_gradients_reach_the_images(dino):
    images = IMAGES.clone().requires_grad_()
    load("vision", dino[1]).features(images)[:, 0].sum().backward()
    assert images.grad.abs().sum() > 0


def test_an_encoder_of_another_kind_is_refused(dino, clip_model, clip_processor, tmp_path):
    with pytest.raises(InputError, match="Dinov2Model, which reads no words: give it `kind: vision`"):
        load("clip", dino[1])
    with pytest.raises(InputError, match="names no `architecture`"):
        load("timm", dino[1])
    for part in (clip_model, clip_processor):
        part.save_pretrained(tmp_path / "clip")
    with pytest.raises(InputError, match="CLIPModel, which reads words too: give it `kind: clip`"):
        load("vision", tmp_path / "clip")


def test_weights_of_another_network_are_refused(network):
    _, folder = network
    save_file({"conv1.weight": torch.zeros(1)}, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"does not hold a model|has no weights for"):
        load("timm", folder)


def test_texts_for_siglip_2_are_in_lower_case_without_punctuation():
    assert canonical("A photo of a T-shirt/top.") == "a photo of a tshirttop"
    assert canonical("  Two   words! ") == "two words"


class Siglip:
    """Encodes each text as its token, as far as `zero_shot_weights` asks."""

    context = 4

    def __init__(self, model):
        self.model = model

    def encode_texts(self, tokens):
        return torch.nn.functional.one_hot(tokens[:, 0], 256).float()


class Cased:
    """A tokenizer of the first letter that keeps its case, like SigLIP 2's."""

    def __call__(self, texts, **options):
        numbers = [[ord(text[0])] * 4 for text in ([texts] if isinstance(texts, str) else texts)]
        return type("Tokens", (), {"input_ids": numbers[0] if isinstance(texts, str) else torch.tensor(numbers)})


def test_only_a_siglip_whose_tokenizer_keeps_case_is_given_lower_case():
    from transformers import SiglipConfig, SiglipModel

    small = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}
    config = SiglipConfig(text_config=small, vision_config={**small, "image_size": 8, "patch_size": 4})
    siglip = Siglip(SiglipModel(config))
    weights = zero_shot_weights(siglip, Cased(), ["Zebra"], ["{}"], torch.device("cpu"))
    assert weights.argmax().item() == ord("z")
    other = zero_shot_weights(Siglip(None), Cased(), ["Zebra"], ["{}"], torch.device("cpu"))
    assert other.argmax().item() == ord("Z")
