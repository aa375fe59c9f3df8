"""Cards of the embedded models."""

from types import SimpleNamespace

import pytest
import torch
import yaml

from guided_imagination.pretraining import cards
from guided_imagination.pretraining.cards import write_card
from guided_imagination.pretraining.images import Labelled
from helpers.names import ODD
from helpers.reading import Read

STAGES = {"CLIP": {"steps": 1000, "batch_size": 64, "seconds": 90, "images": 5000}}


def card(tmp_path, text):
    images = SimpleNamespace(resolution=32, licence=text)
    shares = {"test": SimpleNamespace(per_class=None)}
    domain = SimpleNamespace(title=text, credit=text, images=images, shares=shares)
    config = SimpleNamespace(chosen=domain, domain=text, folder=lambda model: tmp_path)
    _, header, body = write_card(config, "clip", "CLIPModel", "right.", STAGES).split("---\n", 2)
    return yaml.safe_load(header), Read(body)


@pytest.mark.parametrize("text", [*ODD, "true", "1e3"])
def test_what_a_user_says_of_a_domain_is_read_as_it_is(tmp_path, text):
    header, read = card(tmp_path, text)
    assert header == {"license": text, "library_name": "transformers", "tags": ["guided-imagination"]}
    assert read.lines[0] == f"CLIP for {text}"
    assert f"5,000 of the {text}; none" in " ".join(read.lines)
    assert f"pretrain.domain={text}." in " ".join(read.lines)
    assert read.rows[1] == ["CLIP", "1,000 x 64", "1.5 min"]


def test_variations_are_of_their_own_rows_whatever_the_batch(monkeypatch):
    images = torch.arange(5).mul(50).to(torch.uint8)[:, None, None, None].expand(5, 3, 2, 2)
    echo = SimpleNamespace(encode=lambda batch: batch.images[batch.owner], decode=lambda latent, rngs: latent)
    monkeypatch.setattr(cards, "load_generator", lambda *_: echo)
    monkeypatch.setattr(cards, "BATCH", 2)
    data = Labelled(images, torch.zeros(5, dtype=torch.long), list("abcde"))
    rows = torch.tensor([4, 0, 3, 1, 2])
    made = torch.cat(list(cards.vary(None, None, data, rows)))
    assert made[:, 0, 0, 0].mul(255).round().tolist() == [200, 0, 150, 50, 100]
