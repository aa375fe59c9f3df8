"""Networks that begin from pre-trained weights, or see grey images."""

import json

import pytest
import timm
import torch
from safetensors.torch import save_file

from guided_imagination.config import Architecture
from guided_imagination.config.models import PretrainedModel
from guided_imagination.training.classifier import train_classifier
from guided_imagination.training.network import build_model, locate_weights
from guided_imagination.training.recipe import normalise
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import generator, seeded
from helpers.cells import RECIPE, labelled

SMALL = {"model": "resnet10t", "arguments": {"channels": [8, 8, 8, 8]}}
MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
PIXELS = torch.randint(256, (5, 3, 32, 32), dtype=torch.uint8, generator=generator("pixels"))
FINETUNE = RECIPE.overridden({"pretrained": True})


@pytest.fixture
def trained(tmp_path):
    """A classifier of nine classes as timm's repositories on the hub hold it; its folder and network."""
    with seeded("trained"):
        network = timm.create_model(SMALL["model"], num_classes=9, **SMALL["arguments"]).eval()
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    described = {"architecture": "resnet10t", "num_classes": 9, "pretrained_cfg": {"mean": MEAN, "std": STD}}
    (tmp_path / "config.json").write_text(json.dumps(described))
    return tmp_path, network


def architecture(folder, **changes):
    return Architecture(**{**SMALL, **changes}, pretrained=PretrainedModel(model=str(folder)))


def test_all_but_the_head_is_that_of_the_file_and_images_are_normalised_as_it_knows_them(trained, tmp_path):
    folder, network = trained
    chosen = architecture(folder)
    model = build_model(chosen, 2, FINETUNE, locate_weights(chosen, tmp_path)).eval()
    images = (PIXELS / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    model.network.reset_classifier(0)
    with torch.no_grad():
        expected = network.forward_head(network.forward_features(images), pre_logits=True)
        torch.testing.assert_close(model(normalise(PIXELS)), expected, atol=1e-4, rtol=1e-4)


def test_without_a_description_mean_and_deviation_are_timms(trained, tmp_path):
    folder, _ = trained
    (folder / "config.json").unlink()
    weights = locate_weights(architecture(folder), tmp_path)
    known = timm.get_pretrained_cfg("resnet10t")
    assert (weights.mean, weights.std) == (known.mean, known.std)


@pytest.mark.parametrize("changes", [{"model": "mobilenetv2_050", "arguments": {}}, {"arguments": {}}])
def test_weights_of_another_model_are_refused(trained, tmp_path, changes):
    folder, _ = trained
    chosen = architecture(folder, **changes)
    with pytest.raises(InputError, match="does not contain weights of"):
        build_model(chosen, 2, FINETUNE, locate_weights(chosen, tmp_path))


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        locate_weights(architecture(tmp_path), tmp_path)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_linear_probe_changes_the_head_alone(trained, tmp_path, frozen):
    folder, _ = trained
    chosen, recipe = architecture(folder), FINETUNE.overridden({"frozen": frozen})
    weights = locate_weights(chosen, tmp_path)
    with seeded(0, "initialisation"):
        before = build_model(chosen, 2, recipe, weights).state_dict()
    made = train_classifier(
        labelled(8), None, chosen, recipe, classes=2, seed=0, name="toy", log_points=1, weights=weights
    )
    changed = {name for name, value in made.model.state_dict().items() if not torch.equal(value, before[name])}
    head = {"network.fc.weight", "network.fc.bias"}
    assert changed == head if frozen else changed > head


def test_grey_networks_take_colours_for_their_luminance():
    with seeded("grey"):
        model = build_model(Architecture(**SMALL), 2, RECIPE.overridden({"grayscale": True})).eval()
    weights = torch.tensor([0.2989, 0.587, 0.114]).view(3, 1, 1)  # ITU-R 601, as torchvision has it
    grey = (PIXELS * weights).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(model(normalise(PIXELS)), model(normalise(grey)), atol=1e-3, rtol=1e-3)
