from pathlib import Path

import pytest
import torchvision.datasets

from guided_imagination.config.datasets import DatasetSpec, TorchvisionSource
from guided_imagination.data import ingestion
from guided_imagination.data.images import decode
from guided_imagination.data.sources import open_source
from guided_imagination.utils.errors import InputError
from helpers import fabricate

OFFICIAL = {"train": {"split": "train"}, "val": {"split": "val"}, "test": {"split": "test"}}


def source(name, root, parts=None):
    return TorchvisionSource(kind="torchvision", name=name, root=str(root), parts=parts or OFFICIAL)


def refusal(*arguments):
    with pytest.raises(InputError) as caught:
        open_source(source(*arguments))
    return str(caught.value)


def test_files_are_read_as_they_are(tmp_path):
    fabricate.dtd(tmp_path)
    part = open_source(source("DTD", tmp_path)).parts["val"]()
    assert part.ids[0] == "dtd/dtd/images/banded/banded_0001.jpg"
    assert part.load(0) == (tmp_path / part.ids[0]).read_bytes()


def test_arrays_become_images_without_loss(tmp_path, monkeypatch):
    fabricate.flowers(tmp_path / "flowers")
    fabricate.cifar100(tmp_path / "cifar100")
    fabricate.accept(tmp_path, monkeypatch)
    part = open_source(source("CIFAR100", tmp_path / "cifar100", {"train": {"train": True}})).parts["train"]()
    expected = torchvision.datasets.CIFAR100(tmp_path / "cifar100")[7]
    assert decode(part.load(7)).tobytes() == expected[0].tobytes()
    assert (part.ids[7], part.labels[7]) == ("train/00007", expected[1])


def test_an_unknown_class_is_named(tmp_path):
    assert refusal("Flowers101", tmp_path) == "torchvision.datasets has no class 'Flowers101'"


def test_an_argument_that_the_class_does_not_take_is_named(tmp_path):
    fabricate.dtd(tmp_path)
    message = refusal("DTD", tmp_path, {"train": {"split": "training"}})
    assert "torchvision's DTD, part 'train'" in message
    assert "Valid values" in message
    assert "part 'train'" in refusal("DTD", tmp_path, {"train": {"partitions": 1}})


def test_without_a_network_the_folder_to_fill_by_hand_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.DTD, "_URL", "http://127.0.0.1:9/dtd.tar.gz")
    message = refusal("DTD", tmp_path)
    assert "DTD cannot be downloaded from https://www.robots.ox.ac.uk/~vgg/data/dtd/" in message
    assert f"place it in {tmp_path} (in torchvision's layout) manually" in message


def test_a_download_with_another_checksum_is_refused(tmp_path, monkeypatch):
    (tmp_path / "dtd.tar.gz").write_bytes(b"an error page")
    with fabricate.served(tmp_path) as address:
        monkeypatch.setattr(torchvision.datasets.DTD, "_URL", f"{address}/dtd.tar.gz")
        message = refusal("DTD", tmp_path / "raw")
    assert f"{tmp_path / 'raw'} does not hold a whole DTD (File not found or corrupted)" in message


def test_half_unpacked_labels_are_noticed(tmp_path):
    fabricate.dtd(tmp_path)
    (tmp_path / "dtd" / "dtd" / "labels" / "train1.txt").unlink()
    message = refusal("DTD", tmp_path)
    assert f"{tmp_path} does not hold a whole DTD" in message
    assert "move it away and run again" in message


def test_half_unpacked_images_are_noticed(tmp_path):
    fabricate.dtd(tmp_path)
    missing = tmp_path / "dtd" / "dtd" / "images" / "woven" / "woven_0002.jpg"
    missing.unlink()
    spec = DatasetSpec(source=source("DTD", tmp_path), seeds=["train", "val"], max_unreadable=1)
    with pytest.raises(
        InputError, match=f"{Path(tmp_path)} is incomplete, {missing} is missing: if it was downloaded, move it away"
    ):
        ingestion.read(spec, 0)


def test_an_image_that_hides_its_label_is_named(tmp_path):
    fabricate.pets(tmp_path)  # the class has no argument `loader`
    (tmp_path / "oxford-iiit-pet" / "images" / "Abyssinian_1.jpg").write_bytes(b"no image")
    opened = open_source(source("OxfordIIITPet", tmp_path, {"train": {"split": "trainval"}}))
    with pytest.raises(InputError, match=r"image 0 of 'train' in .* cannot be read"):
        opened.parts["train"]()
