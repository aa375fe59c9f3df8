from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, UNet2DConditionModel
from peft import PeftModel
from transformers import ViTImageProcessor, ViTMAEForPreTraining

from guided_imagination.config.expansion import ExpandConfig, Expander
from guided_imagination.generators.adaptation import adapt as adaptation
from guided_imagination.generators.adaptation import adapt as adapted
from guided_imagination.generators.adaptation import adapt as fine_tuning
from guided_imagination.models.device import CPU
from guided_imagination.models.loading import load_pipeline
from guided_imagination.models.weights import weights_checksum
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import read_json
from guided_imagination.utils.randomness import batch_indices
from helpers import settings
from helpers.settings import COMPUTE, SPEC
from helpers.toy import dataset

SIDE = 16
KINDS = ["mae", "unclip", "stable_unclip", "stable_diffusion"]
UNETS = KINDS[1:]
FILES = {kind: {"adapter_config.json", "adapter_model.safetensors"} for kind in UNETS}
FILES["mae"] = {"config.json", "model.safetensors", "preprocessor_config.json"}


@pytest.fixture
def untrained(monkeypatch):
    """Training is a failure from here on."""

    def refuse(*args, **kwargs):
        raise AssertionError("trained although it had been done")

    return lambda: monkeypatch.setattr(adapted, "load_task", refuse)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_ends_with_the_bits_of_one_that_was_not(adapt, monkeypatch, kind):
    def unplugged(step, *rest):
        if step == 3:
            raise KeyboardInterrupt
        return batch_indices(step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(fine_tuning, "batch_indices", unplugged)
        with pytest.raises(KeyboardInterrupt):
            adapt(kind, "killed")
    killed, whole = adapt(kind, "killed"), adapt(kind, "whole")
    assert killed["folder"] != whole["folder"]
    assert {**killed, "folder": None, "seconds": None} == {**whole, "folder": None, "seconds": None}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_is_weights_and_json(adapt, kind):
    record = adapt(kind)
    folder = Path(record["folder"])
    assert {file.name for file in folder.iterdir()} == FILES[kind]
    assert record["checksum"] == weights_checksum(folder)
    assert read_json(folder.parent / "result.json").items() <= record.items()
    assert [file.name for file in folder.parents[1].iterdir()] == [folder.parent.name]  # no checkpoint, nothing partial


@pytest.mark.parametrize("kind", UNETS)
def test_a_merged_adapter_changes_the_unet_and_the_base_stays(adapt, models, kind):
    before = weights_checksum(models / kind)
    record = adapt(kind, steps=10)
    assert weights_checksum(models / kind) == before
    unet = UNet2DConditionModel.from_pretrained(models / kind, subfolder="unet", use_safetensors=True)
    noised = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    told = {
        "unclip": {"encoder_hidden_states": None, "added_cond_kwargs": {"image_embeds": torch.ones(2, 8)}},
        "stable_unclip": {"encoder_hidden_states": torch.ones(2, 3, 16), "class_labels": torch.ones(2, 16)},
        "stable_diffusion": {"encoder_hidden_states": torch.ones(2, 3, 16)},
    }[kind]
    with torch.no_grad():
        base = unet(noised, 5, **told).sample
        with_adapter = PeftModel.from_pretrained(unet, record["folder"])
        beside = with_adapter(noised, 5, **told).sample
        merged = with_adapter.merge_and_unload()
        assert not any("lora" in name for name, _ in merged.named_parameters())
        torch.testing.assert_close(merged(noised, 5, **told).sample, beside, atol=1e-5, rtol=1e-5)
    assert (beside - base).abs().max() > 1e-3


def test_an_adapted_mae_is_loaded_as_any_other(adapt, models, mae_processor):
    folder = adapt("mae", steps=10)["folder"]
    base, tuned = (ViTMAEForPreTraining.from_pretrained(place).eval() for place in (models / "mae", folder))
    assert tuned.config.mask_ratio == base.config.mask_ratio
    images, order = torch.ones(1, 3, SIDE, SIDE), torch.arange(16.0)[None]
    with torch.no_grad():
        assert (tuned(images, noise=order).logits - base(images, noise=order).logits).abs().max() > 1e-3
    assert ViTImageProcessor.from_pretrained(folder).image_mean == mae_processor.image_mean


def test_a_finished_one_is_not_trained_again(adapt, untrained):
    first = adapt("mae")
    untrained()
    assert adapt("mae") == first


def test_settings_of_sampling_do_not_matter(adapt, untrained):
    first = adapt("stable_diffusion", guidance_scale=2, strength=0.5)
    untrained()
    assert adapt("stable_diffusion", guidance_scale=50, strength=0.9) == first


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 5},
        {"learning_rate": 1e-3},
        {"domains": ["ultrasound image of"]},
        {"seeds": dataset([0, 1, 1, 1], side=SIDE)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_shapes_the_result_is_trained_anew_and_the_old_one_stays(adapt, untrained, change):
    first = adapt("stable_diffusion")
    second = adapt("stable_diffusion", **change)
    assert second["checksum"] != first["checksum"]
    assert second["folder"] != first["folder"]
    untrained()
    assert adapt("stable_diffusion") == first


def test_another_base_is_trained_anew(adapt, models, expander, tmp_path, mae_model):
    first = adapt("mae")
    other = tmp_path / "other"
    ViTMAEForPreTraining(mae_model.config).save_pretrained(other)
    ViTImageProcessor.from_pretrained(models / "mae").save_pretrained(other)
    assert adapt("mae", model=str(other))["folder"] != first["folder"]


def test_weights_that_were_damaged_are_made_again(adapt):
    first = adapt("mae")
    file = Path(first["folder"]) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    assert adapt("mae")["checksum"] == first["checksum"]
    assert weights_checksum(first["folder"]) == first["checksum"]


def test_nothing_to_adapt_is_said(expander, tmp_path):
    own = expander("mae")
    config = ExpandConfig(**{**own.config.model_dump(), "adapt": None})
    changed = settings.adaptation(own.model_copy(update={"config": config}), models_dir=str(tmp_path))
    with pytest.raises(InputError, match="adapt is null"):
        adaptation.adapt(dataset([0, 1], side=SIDE), changed)


def test_a_missing_base_is_named_before_anything_is_trained(adapt, untrained, tmp_path):
    untrained()
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        adapt("mae", model=str(tmp_path / "nowhere"))


def test_an_encoder_without_its_decoder_is_refused(adapt, models, mae_model, mae_processor, tmp_path):
    mae_model.vit.save_pretrained(tmp_path / "encoder")
    mae_processor.save_pretrained(tmp_path / "encoder")
    with pytest.raises(InputError, match=r"encoder has no weights for decoder\..* of ViTMAEForPreTraining"):
        adapt("mae", model=str(tmp_path / "encoder"))


def test_a_whole_pipeline_is_kept_resumed_and_loaded_in_place_of_the_base(adapt, expander, models, tmp_path):
    record = adapt("stable_diffusion", weights="whole", schedule="constant", steps=4, learning_rate=1e-3)
    folder = Path(record["folder"])
    assert (folder / "model_index.json").is_file()
    settings = expander("stable_diffusion")
    loaded = load_pipeline(StableDiffusionImg2ImgPipeline, models / "stable_diffusion", CPU, folder)
    base = load_pipeline(StableDiffusionImg2ImgPipeline, models / "stable_diffusion", CPU, None)
    kept = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", use_safetensors=True).state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in loaded.unet.state_dict().items())
    assert any(not torch.equal(value, kept[name]) for name, value in base.unet.state_dict().items())
    assert settings.generator.adapts_whole
    assert adapt("stable_diffusion", weights="whole", schedule="constant", steps=4, learning_rate=1e-3) == record


def test_whole_weights_are_refused_where_only_an_adapter_is_known(expander):
    settings = expander("unclip", weights="whole")
    with pytest.raises(ValueError, match=r"expand_dalle.adapt.weights: 'unclip' takes an adapter"):
        Expander.of(
            "expand_dalle",
            settings.config,
            {"unclip": settings.generator},
            {"clip": settings.guide},
            {"toy": settings.criteria},
        )


def test_prompts_have_words_and_their_record_too(expander, monkeypatch):
    told = []
    monkeypatch.setattr(adaptation, "load_task", lambda generator, guide, seeds, **_: told.append(seeds.words))
    seeds = dataset([0, 1], names=["001.Snowy_owl", "bkj"], side=SIDE)
    spec = SPEC.overridden({"names": {"bkj": "blue jay"}})
    adaptation.task_of(seeds, settings.adaptation(expander("stable_diffusion"), compute=COMPUTE, spec=spec))
    assert told == [["Snowy owl", "blue jay"]]


def test_other_words_are_trained_anew(adapt):
    """The record has what prompts had: with names that are other words than before, nothing is found."""
    first = adapt("stable_diffusion", seeds=dataset([0, 1, 0, 1], names=["big_cat", "dog"], side=SIDE))
    assert first["settings"]["classes"] == ["big cat", "dog"]
    again = adapt("stable_diffusion", seeds=dataset([0, 1, 0, 1], names=["big cat", "dog"], side=SIDE))
    assert again == first, "the same words, seeds and weights"
    assert adapt("stable_diffusion", seeds=dataset([0, 1, 0, 1], names=["lion", "dog"], side=SIDE)) != first
