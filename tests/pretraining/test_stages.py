"""All four models of a small domain in colour, trained for a few updates: killed, resumed, measured and described."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from datasets import Dataset

from guided_imagination.config.models import UnclipConfig
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.data.dataset import features
from guided_imagination.data.images import encode
from guided_imagination.pipelines.pretrain import nodes
from guided_imagination.pretraining.splits import Split
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import generator

LAYER = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
BLOCKS = {"block_out_channels": [4, 4], "layers_per_block": 1, "norm_num_groups": 2}
PER_CLASS = 12


def stage(**model):
    return {"steps": 6, "batch_size": 8, "learning_rate": 1e-3, "warmup_steps": 1, "model": model}


def settings(folder, parquet):
    """Reddish and bluish noise of 16 pixels: 12 images per class."""
    text = {**LAYER, "max_position_embeddings": 24, "projection_dim": 8}
    vision = {**LAYER, "image_size": 16, "patch_size": 8, "projection_dim": 8}
    decoder = {f"decoder_{name}": value for name, value in LAYER.items()}
    source = {"kind": "parquet", "train": str(parquet)}
    domain = {
        "title": "noise",
        "credit": "noise of this test",
        "images": {"source": source, "resolution": 16, "licence": "cc0-1.0"},
        "shares": {name: {"part": "train", "per_class": 2} for name in ("pool", "test", "tuning")},
        "near_duplicate": 0.9999,
        "turns": True,
        "templates": ["a {}.", "one {} of noise."],
        "foreground": {"darker": True, "threshold": 0.5},
        "attributes": {"stain": {"measure": "redness", "low": "pale", "high": "deep"}},
        "clip": stage(projection_dim=8, text_config=text, vision_config=vision),
        "movq": stage(
            **BLOCKS,
            down_block_types=["DownEncoderBlock2D"] * 2,
            up_block_types=["UpDecoderBlock2D"] * 2,
            latent_channels=4,
            num_vq_embeddings=4,
            mid_block_add_attention=False,
        ),
        "unclip": stage(
            **BLOCKS | {"block_out_channels": [8, 8]},
            sample_size=8,
            in_channels=4,
            out_channels=8,
            down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
            resnet_time_scale_shift="scale_shift",
            encoder_hid_dim=8,
            encoder_hid_dim_type="image_proj",
            addition_embed_type="image",
            cross_attention_dim=8,
            attention_head_dim=4,
        ),
        "mae": stage(image_size=16, patch_size=4, **LAYER, **decoder),
    }
    return PretrainConfig(
        domain="noise", domains={"noise": domain}, output=str(folder / "out"), checkpoints=str(folder / "kept")
    )


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp("noise") / "noise.parquet"
    pixels = torch.rand(2 * PER_CLASS, 3, 16, 16, generator=generator("noise"))
    labels = [0, 1] * PER_CLASS
    for row, label in enumerate(labels):
        pixels[row, 2 * label] *= 0.3  # the class is a colour
    pixels[5] = pixels[3] + 0.001  # nearly the same image
    rows = {
        "id": [f"noise/{row}" for row in range(len(labels))],
        "image": [{"bytes": encode(image.mul(255).byte()), "path": None} for image in pixels],
        "label": labels,
    }
    Dataset.from_dict(rows, features=features(["reddish noise", "bluish noise"])).to_parquet(path)
    return path


@pytest.fixture(scope="module")
def split(parquet, tmp_path_factory):
    """By the pipeline `split`, whose CLIP is trained for a few updates."""
    return nodes.fix(settings(tmp_path_factory.mktemp("split"), parquet))


def made(folder, parquet, split):
    """All that the pipeline makes, in its order."""
    config = settings(folder, parquet)
    data, shares, names = nodes.read_images(config, Split(split))
    clip, movq = nodes.train_clip(config, data, names), nodes.train_movq(config, data)
    unclip, mae = nodes.train_unclip(config, data, clip, movq), nodes.train_mae(config, data)
    decoding = UnclipConfig(kind="unclip", model="its own", image_size=32, inference_steps=2, guidance_scale=1)
    sheet = nodes.show_variations(config, shares, names, clip, unclip, decoding)
    assert {axes.images[0].get_array().shape for axes in sheet.axes} == {(16, 16, 3)}
    return {
        "clip": nodes.describe_clip(config, shares, names, clip),
        "mae": nodes.describe_mae(config, shares, names, clip, mae),
        "unclip": nodes.describe_unclip(config, shares, names, movq, unclip, decoding),
        "sheet": sheet,
    }


@pytest.fixture(scope="module")
def whole(parquet, split, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, made(folder, parquet, split)


def weights(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted((folder / "out").rglob("*.safetensors"))
    }


def test_no_image_is_in_two_shares_and_near_duplicates_are_in_none(split):
    named = [name for names in split.values() for name in names]
    assert len(named) == len(set(named))
    assert {name: len(names) for name, names in split.items()} == {
        "pool": 4,
        "test": 4,
        "tuning": 4,
        "near_duplicates": 1,
    }
    assert split["near_duplicates"] == ["noise/3"]  # in training, and nearly image 5, which the pool has
    assert "noise/5" in split["pool"]


def test_training_that_was_killed_in_every_stage_ends_with_the_same_weights(
    whole, parquet, split, tmp_path, monkeypatch
):
    """The process ends after the third update of a stage, four times, and the command is given again."""
    from guided_imagination.pretraining import stages
    from guided_imagination.utils import fit

    class Killed(BaseException):
        pass

    def saving_often(*args, **options):
        def die(step, loss):
            if step == 4 and not (tmp_path / options["name"]).exists():
                (tmp_path / options["name"]).touch()
                raise Killed

        return fit.fit(*args, **options, save_every=2, after_step=die)

    monkeypatch.setattr(stages, "fit", saving_often)
    kills = 0
    while True:
        try:
            made(tmp_path, parquet, split)
            break
        except Killed:
            kills += 1
    assert kills == 4
    assert weights(tmp_path) == weights(whole[0])
    assert len(weights(tmp_path)) == 4


def test_a_checkpoint_of_other_images_with_the_same_ids_is_not_gone_on_with(whole, parquet, split, tmp_path):
    """Who replaces a file of the same names gets models of what is in it now."""
    folder, _ = whole
    config, other = settings(folder, parquet), settings(tmp_path, parquet)
    data, *_ = nodes.read_images(config, Split(split))
    darker = replace(data, images=data.images // 2)
    nodes.train_mae(other, data)
    nodes.train_mae(other, darker)
    assert (tmp_path / "out/noise/mae/model.safetensors").read_bytes() != (
        folder / "out/noise/mae/model.safetensors"
    ).read_bytes()


def test_cards_tell_what_was_trained_on_and_what_was_measured(whole, split):
    _, cards = whole
    trained_on = 2 * PER_CLASS - sum(map(len, split.values()))
    for model, title, measured in (
        ("clip", "CLIP for noise", "zero-shot accuracy"),
        ("mae", "MAE for noise", "mean absolute error"),
        ("unclip", "unCLIP for noise", "of the variations"),
    ):
        text = cards[model]
        assert f"# {title}" in text
        assert measured in text
        assert "license: cc0-1.0" in text
        assert "16x16 images" in text
        assert f"**Data**: {trained_on} of the noise of this test" in text
    assert "| autoencoder | 6 x 8 |" in cards["unclip"]


def test_a_sheet_shows_images_of_every_class_above_their_variations(whole):
    assert len(whole[1]["sheet"].axes) == 2 * 4  # two of each class


def test_what_is_written_keeps_the_statistics_of_each_colour(whole):
    folder, _ = whole
    told = json.loads((folder / "out/noise/clip/processor_config.json").read_text())["image_processor"]
    red, green, blue = told["image_mean"]
    assert green == pytest.approx(0.5, abs=0.03)
    # half of the images have 0.3 of their red, the other half of their blue: the mean is 0.5 x (1 + 0.3) / 2
    assert red == pytest.approx(0.325, abs=0.03)
    assert blue == pytest.approx(0.325, abs=0.03)


def test_a_split_that_is_there_is_not_drawn_again(tmp_path, parquet):
    config = settings(tmp_path, parquet)
    config.folder("split.json").parent.mkdir(parents=True)
    config.folder("split.json").write_text("{}")
    with pytest.raises(InputError, match=r"split.json already exists"):
        nodes.fix(config)


def test_images_that_ship_are_the_pool_and_the_test_images(parquet, split, tmp_path):
    _, shares, names = nodes.read_images(settings(tmp_path, parquet), Split(split))
    pool, test = nodes.select_images(shares, names)
    tuning = nodes.select_tuning(shares, names)
    for made_of, name in ((pool, "pool"), (test, "test"), (tuning, "tuning")):
        assert sorted(made_of["id"][:]) == sorted(each.replace("/", "-") for each in split[name])
        assert np.bincount(made_of["label"][:]).tolist() == [2, 2]
