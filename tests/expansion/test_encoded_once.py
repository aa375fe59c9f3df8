"""How often the guide's image encoder sees an image, counted in the encoder itself over whole expansions."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

import guided_imagination
from guided_imagination.models.clip import Guide

PER_CLASS, RATIO = 2, 2


@pytest.fixture
def seen(monkeypatch):
    """How often each image (its bytes, at 8 bits) has passed the encoder."""
    counts = Counter()
    embed = Guide.image_embeds

    def counting(self, images):
        pixels = (images.detach().float() * 255).round().to(torch.uint8).cpu().numpy()
        counts.update(image.tobytes() for image in pixels)
        return embed(self, images)

    monkeypatch.setattr(Guide, "image_embeds", counting)
    return counts


def expanded(folder, method):
    """The seeds as they are shown to the encoder, and how many variants were drawn."""
    seeds, _ = guided_imagination.example(seeds_per_class=PER_CLASS)
    guided_imagination.expand(seeds, ratio=RATIO, method=method, out=folder, least_kappa=None, resolution=32)
    shown = [np.array(image.convert("RGB")).transpose(2, 0, 1).tobytes() for image in seeds["image"]]
    return shown, json.loads((folder / "manifest.json").read_text())["totals"]["drawn"]


@pytest.mark.parametrize("method", ["gif_dalle", "dalle", "gif_mae", "mae"])
def test_each_seed_image_passes_the_encoder_once(tmp_path, seen, method):
    seeds, _ = expanded(tmp_path / "made", method)
    assert len(set(seeds)) == len(seeds)
    assert [seen[seed] for seed in seeds] == [1] * len(seeds)


@pytest.mark.parametrize("method", ["gif_dalle", "dalle"])
def test_where_the_latent_is_the_embedding_only_what_was_decoded_is_seen_besides(tmp_path, seen, method):
    seeds, drawn = expanded(tmp_path / "made", method)
    assert seen.total() == len(seeds) + drawn


def test_a_run_that_goes_on_encodes_no_seed_again(tmp_path, seen):
    folder = tmp_path / "made"
    seeds, _ = expanded(folder, "gif_dalle")
    shards = {path.name: path.read_bytes() for path in folder.glob("*.parquet")}
    (folder / "manifest.json").unlink()
    (folder / min(shards)).unlink()
    seen.clear()
    expanded(folder, "gif_dalle")
    assert seen.total() > 0
    assert [seen[seed] for seed in seeds] == [0] * len(seeds)
    assert {path.name: path.read_bytes() for path in folder.glob("*.parquet")} == shards
