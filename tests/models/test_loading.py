import copy
import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from pydantic import TypeAdapter

from guided_imagination.config.models import GeneratorConfig, GuideConfig, MaeConfig, UnclipConfig
from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.loading import load_generator
from guided_imagination.generators.mae import MaeGenerator
from guided_imagination.generators.unclip import UnclipGenerator
from guided_imagination.models.device import CPU, Placement
from guided_imagination.models.loading import load_guide
from guided_imagination.utils.errors import InputError
from helpers import tiny
from helpers.toy import NAMES

LABELS, OWNER = torch.zeros(3, dtype=torch.long), torch.arange(3)
PRESETS = yaml.safe_load((Path(__file__).parents[2] / "conf" / "base" / "parameters_models.yml").read_text())
GUIDE_OF = {
    "mae_large": "clip_base",
    "mae_base": "siglip",
    "kandinsky": "kandinsky_clip",
    "stable_unclip": "clip_large",
    "stable_diffusion": "clip_base",
}
NOWHERE = Path("nowhere")


def preset_guide(name, placement=CPU):
    return load_guide(GuideConfig(**PRESETS["guides"][name]), NAMES, ["a photo of a {}.", "a {}."], placement, NOWHERE)


def preset_generator(name, guide, placement=CPU, adapted=None, **changes):
    """A generator under its real id and revision, made small."""
    settings = {**PRESETS["generators"][name], **changes}
    if "image_size" in settings:
        settings |= {"image_size": 32, "inference_steps": 2}
    config = TypeAdapter(GeneratorConfig).validate_python(settings)
    return load_generator(config, guide, NAMES, placement, NOWHERE, adapted)


def expand(generator, images):
    """Three images, and the gradient of their embeddings in the latent."""
    rngs = [torch.Generator().manual_seed(row) for row in range(3)]
    latent = generator.encode(SeedBatch(images, LABELS, OWNER, rngs))
    feature = latent.feature.requires_grad_()
    generator.embed(latent.with_feature(feature))[:, 0].sum().backward()
    return generator.decode(latent, rngs), feature.grad


def test_a_saved_clip_guides_as_before(tmp_path, clip_model, clip_processor, guide, images):
    clip_model.save_pretrained(tmp_path)
    clip_processor.save_pretrained(tmp_path)
    loaded = load_guide(GuideConfig(model=str(tmp_path)), NAMES, ["a photo of a {}.", "a {}."], CPU, NOWHERE)
    torch.testing.assert_close(loaded.head, guide.head)
    torch.testing.assert_close(loaded.features(images), guide.features(images))


def test_a_saved_mae_is_loaded_in_float32(tmp_path, mae_model, mae_processor, guide, images):
    mae_model.save_pretrained(tmp_path)
    mae_processor.save_pretrained(tmp_path)
    config = MaeConfig(kind="mae", model=str(tmp_path), decoding="full")
    loaded = load_generator(config, guide, NAMES, CPU, NOWHERE)
    original = MaeGenerator(mae_model, mae_processor, guide, "full")
    made = loaded.decode(loaded.encode(SeedBatch(images, LABELS, OWNER, [])), [])
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, original.decode(original.encode(SeedBatch(images, LABELS, OWNER, [])), []))


def test_a_saved_unclip_pipeline_is_loaded(tmp_path, kandinsky, guide, images):
    kandinsky.save_pretrained(tmp_path)
    config = UnclipConfig(kind="unclip", model=str(tmp_path), image_size=16, inference_steps=2, guidance_scale=1.5)
    loaded = load_generator(config, guide, NAMES, CPU, NOWHERE)
    original = UnclipGenerator(kandinsky, guide, 16, 2, 1.5)
    latent = original.encode(SeedBatch(images[:1], LABELS[:1], OWNER[:1], []))
    made, expected = (each.decode(latent, [torch.Generator().manual_seed(0)]) for each in (loaded, original))
    torch.testing.assert_close(made, expected)


def test_every_hub_preset_of_the_configuration_is_tried_here():
    on_the_hub = {
        section: {name for name, preset in PRESETS[section].items() if "${" not in preset["model"]}
        for section in ("generators", "guides")
    }
    assert on_the_hub == {"generators": set(GUIDE_OF), "guides": set(GUIDE_OF.values())}


@pytest.mark.parametrize("name", GUIDE_OF)
def test_presets_load_from_the_hubs_cache_without_a_network(name, offline, images):
    generator = preset_generator(name, preset_guide(GUIDE_OF[name]))
    made, gradient = expand(generator, images)
    assert made.shape == (3, 3, 32, 32)
    assert torch.isfinite(made).all() and made.min() >= 0 and made.max() <= 1
    assert (gradient.flatten(1).abs().amax(1) > 0).all()
    assert all(not weight.requires_grad for weight in generator.parameters())


@pytest.mark.parametrize("name", GUIDE_OF)
def test_half_precision_weights_give_nearly_the_same(name, offline, images):
    half = Placement(torch.device("cpu"), torch.bfloat16)
    guide = preset_guide(GUIDE_OF[name], half)
    made, gradient = expand(preset_generator(name, guide, half), images)
    whole, _ = expand(preset_generator(name, preset_guide(GUIDE_OF[name])), images)
    assert guide.dtype == torch.bfloat16
    assert made.dtype == gradient.dtype == torch.float32
    assert torch.isfinite(gradient).all()
    assert (made - whole).abs().mean() < 0.1  # noise is drawn in 16 bits too: another rounding, not another image


@pytest.mark.parametrize("name", ["kandinsky", "stable_unclip", "stable_diffusion"])
def test_offloading_changes_neither_image_nor_gradient(name, offline, images):
    """The CPU stands for the GPU: the parts come and go all the same."""
    guide = preset_guide(GUIDE_OF[name])
    offloaded = preset_generator(name, guide, Placement(torch.device("cpu"), torch.float32, offload="model"))
    assert hasattr(offloaded.pipeline.unet, "_hf_hook")
    for ours, expected in zip(expand(offloaded, images), expand(preset_generator(name, guide), images), strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-4)


def test_sequential_offloading_keeps_no_weights_on_the_device(offline):
    sequential = Placement(torch.device("cpu"), torch.float32, offload="sequential")
    pipeline = preset_generator("stable_diffusion", preset_guide("clip_base"), sequential).pipeline
    for network in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        assert {weight.device.type for weight in network.parameters()} == {"meta"}


def test_a_kandinsky_decoder_refuses_the_clip_of_another_width(offline):
    with pytest.raises(InputError, match="width 20, but the guide's have 8: set the guide to the CLIP"):
        preset_generator("kandinsky", preset_guide("clip_base"))


def test_an_adapted_mae_takes_the_place_of_the_original(offline, tmp_path, images):
    guide = preset_guide("clip_base")
    mae = tiny.mae(image_size=32, patch_size=8)
    with torch.no_grad():
        mae.decoder.decoder_pred.bias.add_(1)
    mae.save_pretrained(tmp_path)
    original, adapted = (
        preset_generator("mae_base", guide, adapted=folder, decoding="full") for folder in (None, tmp_path)
    )
    before, after = (each.decode(each.encode(SeedBatch(images, LABELS, OWNER, [])), []) for each in (original, adapted))
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    torch.testing.assert_close(after, (before + std).clamp(0, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["kandinsky", "stable_unclip", "stable_diffusion"])
def test_a_lora_adapter_is_merged_into_the_unet(name, offline, tmp_path, images):
    peft = pytest.importorskip("peft")
    generator = preset_generator(name, preset_guide(GUIDE_OF[name]))
    lora = peft.LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_k", "to_v"], init_lora_weights=False)
    base = copy.deepcopy(generator.pipeline.unet)
    wrapped = peft.get_peft_model(copy.deepcopy(base), lora)
    wrapped.save_pretrained(tmp_path)
    adapted = preset_generator(name, generator.guide, adapted=tmp_path).pipeline.unet
    key = next(key for key in base.state_dict() if key.endswith("to_q.weight"))
    name = key.removesuffix(".weight")
    layer = wrapped.base_model.model.get_submodule(name)
    change = layer.lora_B["default"].weight @ layer.lora_A["default"].weight  # alpha / r is 1
    assert change.abs().max() > 0.01
    torch.testing.assert_close(adapted.state_dict()[key], base.state_dict()[key] + change)
    assert adapted.state_dict().keys() == base.state_dict().keys()


def test_an_adapted_folder_without_weights_is_refused(offline, tmp_path):
    with pytest.raises(InputError, match="no weights in"):
        preset_generator("stable_diffusion", preset_guide("clip_base"), adapted=tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path, guide):
    with pytest.raises(InputError, match="no weights in"):
        load_generator(MaeConfig(kind="mae", model=str(tmp_path), decoding="full"), guide, NAMES, CPU, NOWHERE)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("openai/clip-vit-base-patch32", "has no weights for .* of ViTMAEForPreTraining"),
        ("CompVis/stable-diffusion-v1-4", "does not hold a model that a MaeConfig can use"),
    ],
)
def test_another_kind_of_model_is_refused(model, message, hub, guide):
    (folder,) = (hub / f"models--{model.replace('/', '--')}" / "snapshots").iterdir()
    with pytest.raises(InputError, match=message):
        load_generator(MaeConfig(kind="mae", model=str(folder), decoding="full"), guide, NAMES, CPU, NOWHERE)


def test_a_pipeline_is_refused_where_another_is_wanted(hub, tmp_path, guide):
    (folder,) = (hub / "models--facebook--vit-mae-base" / "snapshots").iterdir()
    config = UnclipConfig(kind="unclip", model=str(folder), image_size=16, inference_steps=2, guidance_scale=1.5)
    with pytest.raises(InputError, match="does not hold a model that a UnclipConfig can use"):
        load_generator(config, guide, NAMES, CPU, NOWHERE)


def test_no_model_is_read_from_a_pickle(hub, tmp_path, guide):
    """Even with a tempting pytorch_model.bin beside an incomplete download."""
    (snapshot,) = (hub / "models--CompVis--stable-diffusion-v1-4" / "snapshots").iterdir()
    folder = shutil.copytree(snapshot, tmp_path / "model")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")
    settings = {**PRESETS["generators"]["stable_diffusion"], "model": str(folder)}
    with pytest.raises(InputError, match=r"no weights in .*unet"):
        load_generator(TypeAdapter(GeneratorConfig).validate_python(settings), guide, NAMES, CPU, NOWHERE)


def test_the_cache_is_laid_out_as_the_hubs_own(hub):
    repository = hub / "models--facebook--vit-mae-large"
    commit = (repository / "refs" / "refs" / "pr" / "1").read_text()
    weights = repository / "snapshots" / commit / "model.safetensors"
    assert weights.is_symlink() and weights.resolve().parent == (repository / "blobs").resolve()
    index = json.loads(next(hub.glob("models--CompVis*/snapshots/*/model_index.json")).read_text())
    assert index["safety_checker"] == ["stable_diffusion", "StableDiffusionSafetyChecker"]
