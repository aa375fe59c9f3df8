"""What no model is trained on: drawn per class, without near-duplicates, and the same for ever."""

import gzip
from importlib.resources import files
from pathlib import Path

import pytest
import torch

from guided_imagination.config.defaults import defaults
from guided_imagination.config.pretraining import PretrainConfig, ShareOfImages
from guided_imagination.pretraining.fixing import fix_split
from guided_imagination.pretraining.splits import (
    Split,
    draw,
    near_pairs,
    per_class,
    training_ids,
    without_near_duplicates,
)
from guided_imagination.utils.errors import InputError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
EMBEDDED = Path(str(files("guided_imagination"))) / "embedded"
ROOT = Path(__file__).parents[2]


class Ids:
    """The part of a source that a draw needs: ids, labels and names of classes."""

    def __init__(self, **parts: str) -> None:
        self.class_names = [
            f"kind {label}" for label in sorted({int(label) for labels in parts.values() for label in labels})
        ]
        self.parts = {part: [f"{part}/{number}" for number in range(len(labels))] for part, labels in parts.items()}
        self.labels = {
            f"{part}/{number}": int(label) for part, labels in parts.items() for number, label in enumerate(labels)
        }


def share(part, per_class=None):
    return ShareOfImages(part=part, per_class=per_class)


def test_shares_are_drawn_per_class_from_what_is_left():
    source = Ids(train="0101010101", test="0011")
    split = draw(source, {"pool": share("train", 2), "tuning": share("train", 1), "test": share("test")})
    assert {name: sorted(source.labels[each] for each in ids) for name, ids in split.root.items()} == {
        "pool": [0, 0, 1, 1],
        "tuning": [0, 1],
        "test": [0, 0, 1, 1],
    }
    assert len(split.set_aside) == 10
    left = training_ids(source, split)
    assert len(left) == 4
    assert not split.set_aside & set(left)


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ({"pool": share("train", 2)}, "shares.pool, of 'train': the class 'kind 1' has 1 images left, but 2 were"),
        ({"pool": share("test", 1)}, "shares.pool, of 'test': the class 'kind 1' has 0 images left, but 1 were"),
        ({"test": share("test"), "pool": share("test", 1)}, "the class 'kind 0' has 0 images left"),
        ({"pool": share("train", 1)}, "the shares leave no image of the class 'kind 1' to train on"),
        ({"pool": share("train")}, "the shares leave no image of the class 'kind 1' to train on"),
    ],
)
def test_shares_that_are_too_large_are_refused(shares, sentence):
    with pytest.raises(InputError, match=sentence):
        draw(Ids(train="001", test="00"), shares)


def test_a_draw_is_seeded():
    labels = torch.tensor([0, 1] * 10)
    first, again, other = (per_class(labels, 3, seed, "ab", "pool") for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_pairs_are_nearer_than_the_cosine():
    angles = torch.tensor([0.0, 0.1, 2.0, 2.05])
    embeddings = 3 * torch.stack([angles.cos(), angles.sin()], dim=1)
    assert near_pairs(embeddings, 0.99) == [(0, 1), (2, 3)]  # cos 0.1 = 0.995
    assert near_pairs(embeddings, 0.998) == [(2, 3)]  # cos 0.05 = 0.9988


SHARES = {"pool": share("train", 2), "test": share("train", 2)}


def ids(*numbers, part="train"):
    return [f"{part}/{number}" for number in numbers]


def cleared(source, shares, split, *pairs):
    return without_near_duplicates(Split(split), source, shares, pairs).root


def test_near_duplicates_leave_training_and_the_later_of_two_shares():
    split = {"pool": ids(0, 1), "test": ids(2, 3)}
    # 0 is like 4 in training, 1 like 2 of another share, 5 and 6 are both trained on
    pairs = [ids(0, 4), ids(1, 2), ids(5, 6)]
    assert cleared(Ids(train="0" * 9), SHARES, split, *pairs) == {
        "pool": ids(0, 1),
        "test": ids(7, 3),
        "near_duplicates": ids(2, 4),
    }


def test_what_stands_in_is_of_the_same_class_and_part():
    source = Ids(train="110110", test="1011")
    shares = {"pool": share("train", 1), "test": share("test", 1)}
    split = {"pool": [*ids(0), *ids(2)], "test": [*ids(0, part="test"), *ids(1, part="test")]}
    found = cleared(source, shares, split, ("train/0", "test/0"))
    assert found["test"] == ids(2, 1, part="test")


def test_nothing_stands_in_where_a_share_is_all_that_was_left():
    source = Ids(train="0000", test="000")
    shares = {"pool": share("train", 1), "test": share("test")}
    split = {"pool": ids(0), "test": ids(0, 1, 2, part="test")}
    found = cleared(source, shares, split, ("train/0", "test/1"))
    assert found["test"] == ids(0, 2, part="test")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("110", "stand in for the near-duplicate 'train/1'"),  # none is left of its class
        ("1101", "no image of the class 'kind 1' to train on"),  # the last one would
    ],
)
def test_a_class_without_an_image_to_stand_in_is_explained(source, sentence):
    split = {"pool": ids(0), "test": ids(1)}
    with pytest.raises(InputError, match=sentence):
        cleared(Ids(train=source), SHARES, split, ids(0, 1))


def test_a_missing_share_is_named():
    with pytest.raises(InputError, match=r"split.json has no 'tuning'; it has pool"):
        Split({"pool": []}).ids("tuning")


def pretraining(**changes):
    return PretrainConfig.model_validate(defaults()["pretrain"] | changes)


def test_a_split_is_never_drawn_again():
    with pytest.raises(InputError, match=r"fashion/split.json already exists"):
        fix_split(pretraining(domain="fashion"))


def test_a_domain_that_ships_keeps_its_split_wherever_its_models_go(tmp_path):
    """Another draw would train models on the images that the package measures them by."""
    found = fix_split(pretraining(domain="blood", output=str(tmp_path)))
    assert found == Split.model_validate_json((EMBEDDED / "blood" / "split.json").read_text())


@pytest.mark.skipif(not DEBIAN.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_the_split_of_garments_is_the_seeded_draw():
    labels = {
        part: gzip.decompress((DEBIAN / f"{file}-labels-idx1-ubyte.gz").read_bytes())[8:]
        for part, file in (("train", "train"), ("test", "t10k"))
    }
    drawn = draw(Ids(**labels), pretraining().domains["fashion"].shares)
    shipped = Split.model_validate_json((EMBEDDED / "fashion" / "split.json").read_text())
    rows = {
        name: [f"{part}/{int(number)}" for part, number in (each.split("/") for each in ids)]
        for name, ids in shipped.root.items()
    }
    assert drawn.root == rows


def test_the_list_of_what_went_where_has_every_photograph_once():
    split = Split.model_validate_json((EMBEDDED / "blood" / "split.json").read_text())
    assert {name: len(ids) for name, ids in split.root.items()} == {
        "pool": 8 * 50,
        "test": 8 * 200,
        "tuning": 8 * 150,
        "near_duplicates": 711,
    }
    card = (EMBEDDED / "blood" / "clip" / "README.md").read_text()
    assert len(split.set_aside) + 11_456 == 15_367
    assert "**Data**: 11,456 of" in card


@pytest.mark.parametrize("name", ["fashion", "blood"])
def test_shipped_images_are_those_of_the_split(name):
    from datasets import load_dataset

    split = Split.model_validate_json((EMBEDDED / name / "split.json").read_text())
    shares = pretraining().domains[name].shares
    named = [each for ids in split.root.values() for each in ids]
    assert len(set(named)) == len(named)
    for share_name in ("pool", "test"):
        file = str(EMBEDDED / name / f"{share_name}.parquet")
        shipped = load_dataset("parquet", data_files=file, split="train")
        assert sorted(shipped["id"][:]) == sorted(each.replace("/", "-") for each in split.ids(share_name))
        counts = torch.tensor(shipped["label"][:]).bincount()
        assert counts.tolist() == [shares[share_name].per_class] * len(counts)
