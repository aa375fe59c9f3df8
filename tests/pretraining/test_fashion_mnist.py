import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from guided_imagination.pretraining import fashion_mnist
from guided_imagination.utils.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Three images in the official format: a header of 16 and 8 bytes, then pixels and labels."""
    pixels = np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + pixels.tobytes()))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes([2, 0, 1])))
    return tmp_path


def test_images_are_read_with_a_black_border_of_two(folder):
    data = fashion_mnist.read("train", folder)
    assert data.labels.tolist() == [2, 0, 1]
    assert data.images.shape == (3, 32, 32)
    assert data.images[0, 2, 2:5].tolist() == [0, 1, 2]
    assert data.images[0, 3, 2] == 28
    border = data.images.clone()
    border[:, 2:30, 2:30] = 0
    assert border.sum() == 0


def test_rgb_images_are_grey_and_in_range(folder):
    rgb = fashion_mnist.read("train", folder).rgb(torch.tensor([1, 0]))
    assert rgb.shape == (2, 3, 32, 32)
    assert rgb.max() == 1
    assert torch.equal(rgb[:, 0], rgb[:, 2])


def test_a_missing_package_is_named_with_its_mend(tmp_path):
    with pytest.raises(InputError, match="apt-get install dataset-fashion-mnist"):
        fashion_mnist.read("train", tmp_path)


def test_rows_become_a_dataset_whose_ids_name_part_and_row(folder):
    data = fashion_mnist.read("train", folder)
    made = fashion_mnist.to_dataset(data, [2, 0], "train", ["a", "b", "c"])
    assert made["id"][:] == ["train-00002", "train-00000"]
    assert made["label"][:] == [1, 2]
    assert np.array_equal(np.array(made[0]["image"])[..., 1], data.images[2].numpy())


def test_a_draw_takes_as_many_of_every_class_and_without_is_the_rest():
    labels = torch.tensor([0, 1] * 10)
    drawn = fashion_mnist.draw_per_class(labels, 3, seed=0)
    assert labels[drawn].sum() == 3
    assert len(drawn) == 6
    rest = fashion_mnist.without(labels, drawn)
    assert sorted(drawn.tolist() + rest.tolist()) == list(range(20))


@pytest.mark.skipif(not fashion_mnist.DEBIAN_FOLDER.exists(), reason="dataset-fashion-mnist is not installed")
def test_the_split_file_is_the_seeded_draw():
    shipped = Path(__file__).parents[2] / "src/guided_imagination/embedded/fashion/split.json"
    split = fashion_mnist.Split.model_validate_json(shipped.read_text())
    train, test = fashion_mnist.read("train").labels, fashion_mnist.read("t10k").labels
    pool = fashion_mnist.draw_per_class(train, 50, seed=0)
    rest = fashion_mnist.without(train, pool)
    assert split.pool == pool.tolist()
    assert split.heldout == rest[fashion_mnist.draw_per_class(train[rest], 100, seed=1)].tolist()
    assert split.test == fashion_mnist.draw_per_class(test, 200, seed=2).tolist()
