"""Fine-tuning from weights that were really trained: a small network that knows ImageNet, on real photographs."""

from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision.transforms.v2.functional import pil_to_tensor

from guided_imagination.config import Architecture
from guided_imagination.config.models import PretrainedModel
from guided_imagination.data.arrays import Labelled
from guided_imagination.training.classifier import accuracy, predict, train_classifier
from guided_imagination.training.network import build_model, locate_weights
from guided_imagination.training.recipe import normalise
from helpers.cells import RECIPE
from helpers.imagenet import MODEL, efficientnet_lite0

# the indices that ImageNet-1k gives to what these are
KNOWN = {"starfish": {327}, "laptop": {620, 681}, "elephant": {101, 385, 386}}


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    return efficientnet_lite0(tmp_path_factory.mktemp("lite0"))


def pixels(folder: Path, side: int, first: int, last: int) -> torch.Tensor:
    """(N, 3, side, side) uint8."""
    files = sorted(folder.iterdir())[first:last]
    return torch.stack([pil_to_tensor(Image.open(file).convert("RGB").resize((side, side))) for file in files])


def labelled(photographs: Path, first: int, last: int, side: int = 96) -> Labelled:
    images = [pixels(photographs / name, side, first, last) for name in KNOWN]
    labels = torch.arange(len(KNOWN)).repeat_interleave(last - first)
    return Labelled(torch.cat(images), labels)


def test_it_knows_imagenets_classes_by_the_mean_and_deviation_of_its_file(lite0: Path, photographs: Path):
    network = timm.create_model(MODEL).eval()
    network.load_state_dict(load_file(lite0 / "model.safetensors"))
    right = []
    for name, classes in KNOWN.items():
        with torch.no_grad():
            answers = network(normalise(pixels(photographs / name, 224, 0, 10))).argmax(1).tolist()
        right += [answer in classes for answer in answers]
    assert sum(right) / len(right) > 0.7


@pytest.mark.parametrize("frozen", [False, True], ids=["all of it", "the last layer"])
def test_a_few_updates_from_its_weights_are_worth_more_than_from_random_ones(
    frozen: bool, lite0: Path, photographs: Path
):
    architecture = Architecture(model=MODEL, pretrained=PretrainedModel(model=str(lite0)))
    weights = locate_weights(architecture, lite0)
    recipe = RECIPE.overridden({"updates": 30, "batch_size": 16, "learning_rate": 0.1 if frozen else 0.005})
    seeds, test = labelled(photographs, 0, 8), labelled(photographs, 20, 40)
    found = {}
    for pretrained in (True, False):
        chosen = recipe.overridden({"pretrained": pretrained, "frozen": pretrained and frozen})
        given = {"classes": 3, "seed": 0, "name": "test", "log_points": 1, "weights": weights if pretrained else None}
        trained = train_classifier(seeds, None, architecture, chosen, **given)
        found[pretrained] = accuracy(predict(trained.model, test), test.labels)
        if pretrained and frozen:
            body = build_model(architecture, 3, chosen, weights).state_dict()
            assert all(
                torch.equal(value, body[name])
                for name, value in trained.model.state_dict().items()
                if "classifier" not in name
            )
    assert found[True] > 75, "three classes that ImageNet has"
    assert found[True] > found[False] + 20
