"""The network of a cell: a timm model from random weights or pre-trained ones, and what its images need."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.transforms.v2.functional import rgb_to_grayscale

from guided_imagination.config.training import Architecture, Recipe
from guided_imagination.models.weights import locate_whole, weights_checksum
from guided_imagination.utils.errors import InputError, first_line
from guided_imagination.utils.files import read_json

HALF = (0.5, 0.5, 0.5)  # mean and deviation that leave images in [-1, 1] as they are


@dataclass(frozen=True)
class Weights:
    """Where a pre-trained classifier lies: `file` in safetensors, the `mean` and `std` of the images it knows.

    `checksum` differs from that of all other weights.
    """

    file: Path
    checksum: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


def locate_weights(architecture: Architecture, hub_folder: Path) -> Weights:
    """The weights that `architecture` names; mean and deviation are its config.json's, or else timm's for this model.

    Raises InputError for weights that are missing or not whole.
    """
    assert architecture.pretrained is not None
    folder = locate_whole(architecture.pretrained, hub_folder)
    file = folder / "model.safetensors"
    if not file.is_file():
        raise InputError(f"{folder} has no model.safetensors, as timm's repositories on the hub do")
    described = read_json(folder / "config.json").get("pretrained_cfg", {}) if (folder / "config.json").exists() else {}
    known = timm.get_pretrained_cfg(architecture.model, allow_unregistered=True)
    mean, std = (described.get(name) or getattr(known, name) for name in ("mean", "std"))
    return Weights(file, weights_checksum(folder), tuple(mean), tuple(std))


def build_model(
    architecture: Architecture, classes: int, recipe: Recipe | None = None, weights: Weights | None = None
) -> nn.Module:
    """A timm model with a head for `classes`, which takes images in [-1, 1], random or all but the head from `weights`.

    `dense_stem` names what shall not shrink the image at the start: the first convolution's stride,
    the first pooling, or both, as is usual for ResNets on images of 32 pixels. Raises InputError for weights of another
    model.
    """
    network = timm.create_model(architecture.model, num_classes=classes, **architecture.arguments)
    for kind in architecture.dense_stem:
        _make_dense(network, kind)
    if weights is not None:
        _load(network, weights.file, architecture.model)
    if recipe is None or not (recipe.grayscale or recipe.pretrained):
        return network
    mean, std = (weights.mean, weights.std) if weights else (HALF, HALF)
    return Adapted(network, mean, std, recipe.grayscale, recipe.frozen)


class Adapted(nn.Module):
    """A network behind what its images need: grey levels, a mean and deviation; `frozen` in all but its head."""

    network: nn.Module
    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, mean: Sequence[float], std: Sequence[float], grey: bool, frozen: bool
    ) -> None:
        super().__init__()
        self.network, self.grey, self.frozen = network, grey, frozen
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1))
        if frozen:
            network.requires_grad_(False)
            cast("Any", network).get_classifier().requires_grad_(True)

    def forward(self, images: Tensor) -> Tensor:
        images = images / 2 + 0.5
        if self.grey:
            images = rgb_to_grayscale(images, 3)
        logits: Tensor = self.network((images - self.mean) / self.std)
        return logits

    def train(self, mode: bool = True) -> "Adapted":
        """A frozen network stays as in evaluation: its normalisation keeps the statistics that it has."""
        super().train(mode)
        if self.frozen:
            self.network.eval()
        return self


def _load(network: nn.Module, file: Path, name: str) -> None:
    weights = load_file(file)
    head = str(cast("dict[str, object]", network.pretrained_cfg)["classifier"])
    body = {key: value for key, value in weights.items() if key.rpartition(".")[0] != head}
    try:
        missing, unknown = network.load_state_dict(body, strict=False)
    except RuntimeError as error:
        raise InputError(f"{file} does not contain weights of {name}: {first_line(error)}") from error
    missing = [key for key in missing if key.rpartition(".")[0] != head]
    if missing or unknown:
        raise InputError(f"{file} does not contain weights of {name}: first {(missing + unknown)[0]!r}")


def _make_dense(model: nn.Module, kind: str) -> None:
    for name, module in model.named_modules():
        if kind == "convolution" and isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
            return
        if kind == "pooling" and isinstance(module, nn.MaxPool2d):
            model.set_submodule(name, nn.Identity())
            return
