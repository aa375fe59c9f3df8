import numpy as np
import pytest

from guided_imagination.config.datasets import NpzSource
from guided_imagination.data.images import decode
from guided_imagination.data.sources import open_source
from guided_imagination.utils.errors import InputError

COUNT = 6


def arrays(part="train", count=COUNT, shape=(5, 4)):
    images = np.arange(count * np.prod(shape)).astype(np.uint8).reshape(count, *shape)
    return {f"{part}_images": images, f"{part}_labels": np.arange(count) % 3}


def opened(path):
    return open_source(NpzSource(kind="npz", path=str(path)))


def saved(path, **content):
    np.savez_compressed(path / "x.npz", **content)
    return path / "x.npz"


def refusal(path, part="train"):
    with pytest.raises(InputError) as caught:
        opened(path).parts[part]()
    return str(caught.value)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3)])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_images_are_those_of_the_array_in_any_order(tmp_path, shape, save):
    content = arrays(shape=shape)
    save(tmp_path / "x.npz", **content)
    part = opened(tmp_path / "x.npz").parts["train"]()
    for row in (0, 1, 4, 2, 2, 5, 0):
        pixels = np.asarray(decode(part.load(row)))
        expected = content["train_images"][row]
        assert np.array_equal(pixels, expected if shape[2:] else np.stack([expected] * 3, axis=-1))


@pytest.mark.parametrize("form", [lambda labels: labels, lambda labels: labels[:, None].astype(np.uint8)])
def test_labels_may_be_a_column(tmp_path, form):
    content = arrays()
    part = opened(saved(tmp_path, **{**content, "train_labels": form(content["train_labels"])})).parts["train"]()
    assert part.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert part.ids[4] == "train/00004"


def test_parts_are_those_that_the_file_has(tmp_path):
    assert list(opened(saved(tmp_path, **arrays("val"), **arrays("test"))).parts) == ["val", "test"]


def test_a_missing_file_is_named(tmp_path):
    assert refusal(tmp_path / "x.npz") == f"{tmp_path / 'x.npz'} does not exist"


def test_a_half_downloaded_file_is_named(tmp_path):
    path = saved(tmp_path, **arrays())
    path.write_bytes(path.read_bytes()[:-50])
    assert f"{path} is not a whole npz file" in refusal(path)


def test_a_file_without_the_arrays_is_told_what_is_needed(tmp_path):
    message = refusal(saved(tmp_path, x=np.zeros(3), y=np.zeros(3)))
    assert "has the arrays x, y; needed: <part>_images and <part>_labels" in message


def test_images_without_labels_are_named(tmp_path):
    content = arrays()
    del content["train_labels"]
    assert "has no array 'train_labels' beside 'train_images'" in refusal(saved(tmp_path, **content))


@pytest.mark.parametrize(
    ("key", "array", "said"),
    [
        ("train_images", np.zeros((COUNT, 5, 4)), "train_images is float64"),
        ("train_images", np.zeros((COUNT, 5, 4, 2), np.uint8), r"train_images is uint8 of shape (6, 5, 4, 2)"),
        ("train_images", np.zeros((COUNT, 20), np.uint8), "needed: uint8 of (N, H, W) or (N, H, W, 3)"),
        ("train_images", np.zeros((5, 5, 4), np.uint8), "has 5 train_images, but 6 train_labels"),
        ("train_labels", np.zeros((COUNT, 2), np.uint8), "needed: one integer for each image"),
        ("train_labels", np.zeros(COUNT), "train_labels is float64"),
        ("train_labels", np.array(["a"] * COUNT), "needed: one integer for each image"),
        ("train_labels", np.array([{}] * COUNT), "needed: one integer for each image"),
    ],
)
def test_arrays_of_another_form_are_refused(tmp_path, key, array, said):
    assert said in refusal(saved(tmp_path, **{**arrays(), key: array}))


def test_real_images_of_breastmnist(breast):
    parts = {name: part() for name, part in opened(breast).parts.items()}
    assert {name: len(part.ids) for name, part in parts.items()} == {"train": 546, "val": 78, "test": 156}
    with np.load(breast) as content:
        assert np.array_equal(np.asarray(decode(parts["val"].load(7)))[..., 0], content["val_images"][7])
