"""Images of a domain: framed, in colour, turned, and under ids that name files."""

import numpy as np
import pytest
import torch
from datasets import load_dataset

from guided_imagination.config.defaults import defaults, embedded
from guided_imagination.config.pretraining import Domain
from guided_imagination.pretraining.images import Labelled, open_domain, to_dataset, turned
from guided_imagination.utils.errors import InputError
from helpers import fabricate

STAGE = {"steps": 1, "batch_size": 2, "learning_rate": 0.1, "warmup_steps": 0}
SHARES = {name: {"part": "train", "per_class": 1} for name in ("pool", "test", "tuning")}


def domain(path, **changes):
    images = changes.pop("images", {})
    side = images.get("resolution", 8)
    models = {
        "clip": {"vision_config": {"image_size": side}, "projection_dim": 4},
        "movq": {},
        "unclip": {"encoder_hid_dim": 4},
        "mae": {"image_size": side},
    }
    images = {"source": {"kind": "npz", "path": str(path)}, "classes": ["red", "blue"], "resolution": 8} | images
    plain = {
        "title": "colours",
        "credit": "nobody",
        "images": images,
        "shares": SHARES,
        "templates": ["a {}."],
        "foreground": {"threshold": 0.1},
        **{name: STAGE | {"model": model} for name, model in models.items()},
        **changes,
    }
    return Domain.model_validate(plain)


@pytest.fixture
def npz(tmp_path):
    """Three images of 4x4: red, blue, and one with a bright pixel in its upper right corner."""
    pixels = np.zeros((3, 4, 4, 3), np.uint8)
    pixels[0, ..., 0], pixels[1, ..., 2], pixels[2, 0, 3] = 200, 100, 255
    np.savez(tmp_path / "colours.npz", train_images=pixels, train_labels=np.array([0, 1, 0]))
    return tmp_path / "colours.npz"


def test_images_keep_their_colours_and_get_a_black_border(npz):
    source = open_domain(domain(npz, border=2))
    data = source.read(["train/00000", "train/00001"])
    assert data.images.shape == (2, 3, 8, 8)
    inside = torch.zeros(8, 8, dtype=torch.bool)
    inside[2:6, 2:6] = True
    assert data.images[0, 0].unique().tolist() == [0, 200]
    assert torch.equal(data.images[0, 0] == 200, inside)
    assert torch.equal(data.images[1, 2] == 100, inside)
    assert data.images[0, 1:].sum() == data.images[1, :2].sum() == 0
    assert data.labels.tolist() == [0, 1]


def test_images_are_read_in_the_order_of_the_source_and_made_as_large_as_is_asked(npz):
    data = open_domain(domain(npz)).read(["train/00001", "train/00000"])
    assert data.ids == ["train/00000", "train/00001"]
    assert data.images.shape == (2, 3, 8, 8)
    assert data.rgb(torch.tensor([0]))[0, 0].unique().tolist() == pytest.approx([200 / 255])


def test_labels_are_looked_up_in_one_dictionary(npz):
    """Shares are drawn by asking for the label of every image: made anew each time, that would take hours."""
    source = open_domain(domain(npz))
    assert source.labels == {"train/00000": 0, "train/00001": 1, "train/00002": 0}
    assert source.labels is source.labels


def test_an_id_that_the_source_has_not_is_named(npz):
    with pytest.raises(InputError, match=r"names 1 images that are not in the source, e.g. 'train/00007'"):
        open_domain(domain(npz)).read(["train/00007"])


def test_an_image_stands_in_all_eight_ways_and_first_as_it_is(npz):
    data = open_domain(domain(npz, images={"resolution": 4})).read(["train/00002"])
    eight = turned(data)
    assert torch.equal(eight.images[:1], data.images)
    corners = [tuple(image[0].nonzero()[0].tolist()) for image in eight.images]
    assert sorted(corners) == sorted(2 * [(0, 0), (0, 3), (3, 0), (3, 3)])  # each corner by a turn and by a mirror
    assert eight.labels.tolist() == [0] * 8
    assert eight.ids == ["train/00002"] * 8


def test_eight_ways_are_eight_pictures_of_what_has_no_symmetry():
    image = torch.arange(9, dtype=torch.uint8).reshape(1, 1, 3, 3).expand(1, 3, 3, 3)
    eight = turned(Labelled(image, torch.tensor([1]), ["one"]))
    assert len({tuple(picture.flatten().tolist()) for picture in eight.images}) == 8


def test_a_checksum_is_of_pixels_labels_and_their_order():
    images, labels = torch.arange(24, dtype=torch.uint8).reshape(2, 3, 2, 2), torch.tensor([0, 1])
    first = Labelled(images, labels, ["a", "b"])
    assert first.checksum == Labelled(images.clone(), labels, ["c", "d"]).checksum
    for other in (
        Labelled(images.flip(0), labels, ["a", "b"]),
        Labelled(images, labels.flip(0), ["a", "b"]),
        Labelled(images + 1, labels, ["a", "b"]),
    ):
        assert other.checksum != first.checksum


def test_what_ships_has_ids_that_are_file_names(npz):
    data = open_domain(domain(npz)).read(["train/00001"])
    made = to_dataset(data, ["red", "blue"])
    assert made["id"][:] == ["train-00001"]
    assert made.features["label"].names == ["red", "blue"]
    assert np.array_equal(np.array(made[0]["image"]), data.images[0].permute(1, 2, 0).numpy())


def test_a_domain_needs_its_three_shares(npz):
    with pytest.raises(ValueError, match="shares has no 'tuning'"):
        domain(npz, shares={name: SHARES[name] for name in ("pool", "test")})


def test_the_same_photographs_can_be_had_from_medmnist(tmp_path, monkeypatch):
    """The entry of conf/base, with a file of another checksum and other numbers of images."""
    fabricate.accept_medmnist("bloodmnist", fabricate.medmnist_file(tmp_path, "bloodmnist", 64), monkeypatch, 64)
    entry = defaults()["pretrain"]["domains"]["bloodmnist"]
    entry["images"] |= {"sizes": None, "source": {**entry["images"]["source"], "root": str(tmp_path)}}
    source = open_domain(Domain.model_validate(entry))
    assert source.class_names == open_names("blood")
    assert {part: len(ids) for part, ids in source.parts.items()} == {"train": 8, "val": 16, "test": 8}
    assert source.read(source.parts["val"]).images.shape == (16, 3, 32, 32)


def open_names(name):
    """The classes of the images that ship."""
    shipped = load_dataset("parquet", data_files=embedded(f"{name}/pool.parquet"), split="train")
    return shipped.features["label"].names
