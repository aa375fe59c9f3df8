"""Checkpoints as the hub has had them since 2022: since then modules were renamed, and files are written otherwise."""

import re

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModel, ViTMAEForPreTraining

from guided_imagination.config.models import GuideConfig, MaeConfig
from guided_imagination.generators.loading import load_generator
from guided_imagination.models.device import CPU
from guided_imagination.models.loading import load_guide, load_network
from guided_imagination.utils.errors import InputError
from helpers import hub, tiny
from helpers.toy import NAMES

# today's names in ViT-MAE, and those of facebook/vit-mae-large
RENAMED = {
    r"^vit\.(encoder\.)?layers\.": "vit.encoder.layer.",
    r"\.attention\.q_proj\.": ".attention.attention.query.",
    r"\.attention\.k_proj\.": ".attention.attention.key.",
    r"\.attention\.v_proj\.": ".attention.attention.value.",
    r"\.attention\.o_proj\.": ".attention.output.dense.",
    r"\.mlp\.fc1\.": ".intermediate.dense.",
    r"\.mlp\.fc2\.": ".output.dense.",
}
IN_EVERY_LAYER = {
    *(f"attention.attention.{name}.{part}" for name in ("query", "key", "value") for part in ("weight", "bias")),
    *(f"{name}.{part}" for name in ("attention.output.dense", "intermediate.dense") for part in ("weight", "bias")),
    *(f"{name}.{part}" for name in ("output.dense", "layernorm_before") for part in ("weight", "bias")),
    *(f"layernorm_after.{part}" for part in ("weight", "bias")),
}


def old_name(name: str) -> str:
    for pattern, replacement in RENAMED.items():
        name = re.sub(pattern, replacement, name)
    return name


@pytest.fixture
def old_mae(tmp_path):
    """A folder as the hub's, and the network that it holds."""
    network = tiny.mae(image_size=32, patch_size=8)
    network.save_pretrained(tmp_path)  # for its config.json
    weights = {old_name(name): value.clone() for name, value in network.state_dict().items()}
    for layer in ("vit.encoder.layer.0.", "decoder.decoder_layers.0."):
        assert {name.removeprefix(layer) for name in weights if name.startswith(layer)} == IN_EVERY_LAYER
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    hub.image_settings_of_2022(tmp_path, "ViTFeatureExtractor", hub.IMAGENET)
    return tmp_path, network


def test_an_old_mae_loads_with_every_weight(old_mae, tmp_path_factory):
    folder, network = old_mae
    loaded = load_network(ViTMAEForPreTraining, folder, CPU).state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in network.state_dict().items())
    clip = tmp_path_factory.mktemp("clip")
    hub.clip_of(hub.BASE)(clip)
    guide = load_guide(GuideConfig(model=str(clip)), NAMES, ["a {}."], CPU, folder)
    config = MaeConfig(kind="mae", model=str(folder), decoding="full")
    mae = load_generator(config, guide, NAMES, CPU, folder)
    assert list(mae.processor.image_mean) == hub.IMAGENET["image_mean"]


def test_a_missing_weight_is_named_by_an_old_checkpoint_too(old_mae):
    folder, network = old_mae
    weights = {old_name(name): value.clone() for name, value in network.state_dict().items()}
    del weights["vit.encoder.layer.0.attention.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match="has no weights for vit"):
        load_network(ViTMAEForPreTraining, folder, CPU)


def test_an_old_clip_has_position_ids_beside_its_weights(tmp_path):
    tokenizer = tiny.clip_tokenizer()
    network = tiny.clip(tokenizer, 8)
    network.save_pretrained(tmp_path)
    positions = {f"{side}_model.embeddings.position_ids": torch.arange(5)[None] for side in ("text", "vision")}
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    assert "vision_model.pre_layrnorm.weight" in weights, "misspelt since the first checkpoint"
    save_file({**weights, **positions}, tmp_path / "model.safetensors", {"format": "pt"})
    hub.image_settings_of_2022(tmp_path, "CLIPFeatureExtractor", hub.CLIP_IMAGES)
    hub.tokenizer_of_2022(tmp_path, tokenizer)
    loaded = load_network(AutoModel, tmp_path, CPU).state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in network.state_dict().items())
    guide = load_guide(GuideConfig(model=str(tmp_path)), NAMES, ["a photo of a {}."], CPU, tmp_path)
    assert guide.head.shape == (len(NAMES), 8)
