import io
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from guided_imagination import data
from guided_imagination.config import DatasetSpec
from guided_imagination.errors import InputError
from toy import NAMES, dataset


def save(images, path):
    images.to_parquet(path)
    return path


def spec(train, test, **changes):
    settings = {"resolution": 4, "templates": ["a {}."], "seeds_per_class": 2, "validation_per_class": 1}
    return DatasetSpec(train=str(train), test=str(test), **{**settings, **changes})


@pytest.fixture
def test_file(tmp_path):
    return save(dataset([0, 1]), tmp_path / "test.parquet")


def with_image(images, row, content):
    """The dataset with other bytes for the image of a row."""
    columns = images.with_format(None).cast_column("image", data.Image(decode=False)).to_dict()
    columns["image"][row] = {"bytes": content, "path": None}
    return data.Dataset.from_dict(columns, features=images.features)


def test_a_draw_is_balanced_and_the_rest_is_what_remains():
    images = dataset([0] * 7 + [1] * 5)
    drawn, rest = data.draw_per_class(images, 3, "seeds", 0)
    assert Counter(images["label"][row] for row in drawn) == {0: 3, 1: 3}
    assert sorted(drawn + rest) == list(range(12))
    assert drawn == sorted(drawn)
    assert rest == sorted(rest)


def test_a_draw_depends_on_its_seed_only():
    images = dataset([0, 1] * 20)
    assert data.draw_per_class(images, 5, "seeds", 0) == data.draw_per_class(images, 5, "seeds", 0)
    assert data.draw_per_class(images, 5, "seeds", 0) != data.draw_per_class(images, 5, "seeds", 1)


def test_splits_are_disjoint_balanced_and_repeatable(tmp_path, test_file):
    wanted = spec(save(dataset([0, 1] * 6), tmp_path / "train.parquet"), test_file)
    splits, again, other = data.read(wanted, 0), data.read(wanted, 0), data.read(wanted, 1)
    assert Counter(splits.seeds["label"]) == {0: 2, 1: 2}
    assert Counter(splits.validation["label"]) == {0: 1, 1: 1}
    assert not set(splits.seeds["id"]) & set(splits.validation["id"])
    assert splits.seeds["id"][:] == again.seeds["id"][:]
    assert splits.validation["id"][:] == again.validation["id"][:]
    assert splits.seeds["id"][:] != other.seeds["id"][:]
    assert len(splits.test) == 2


def test_without_a_number_all_images_are_seeds(tmp_path, test_file):
    train = save(dataset([0, 1, 1]), tmp_path / "train.parquet")
    splits = data.read(spec(train, test_file, seeds_per_class=None), 0)
    assert splits.seeds["id"][:] == ["0", "1", "2"]
    assert len(splits.validation) == 0


def test_a_corrupt_image_is_named_by_id_and_file(tmp_path, test_file):
    train = save(with_image(dataset([0, 1] * 3), 4, b"no image"), tmp_path / "train.parquet")
    with pytest.raises(InputError, match=r"image '4' of .*train\.parquet cannot be decoded"):
        data.read(spec(train, test_file), 0)


def test_a_truncated_image_is_refused(tmp_path, test_file):
    images = dataset([0, 1] * 3, side=32)
    whole = images.cast_column("image", data.Image(decode=False))[1]["image"]["bytes"]
    train = save(with_image(images, 1, whole[: len(whole) // 2]), tmp_path / "train.parquet")
    with pytest.raises(InputError, match=r"image '1' of .*train\.parquet"):
        data.read(spec(train, test_file), 0)


def test_a_missing_file_is_named(tmp_path, test_file):
    with pytest.raises(InputError, match=r"nowhere\.parquet does not exist"):
        data.read(spec(tmp_path / "nowhere.parquet", test_file), 0)


def test_a_file_of_another_kind_is_refused(tmp_path, test_file):
    (tmp_path / "train.parquet").write_text("id,label\n")
    with pytest.raises(InputError, match=r"train\.parquet is not a readable parquet file"):
        data.read(spec(tmp_path / "train.parquet", test_file), 0)


def test_a_missing_column_is_named(tmp_path, test_file):
    train = save(dataset([0, 1]).remove_columns("label"), tmp_path / "train.parquet")
    with pytest.raises(InputError, match="no column 'label'"):
        data.read(spec(train, test_file), 0)


def test_too_few_images_in_a_class_are_named(tmp_path, test_file):
    train = save(dataset([0, 0, 0, 1]), tmp_path / "train.parquet")
    with pytest.raises(InputError, match="class 'dog' has 1 images, 2 were asked for"):
        data.read(spec(train, test_file), 0)


def test_different_class_lists_are_refused(tmp_path, test_file):
    train = save(dataset([0, 1] * 3, names=["dog", "cat"]), tmp_path / "train.parquet")
    with pytest.raises(InputError, match=r"train\.parquet and .*test\.parquet have different classes"):
        data.read(spec(train, test_file), 0)


def test_the_fingerprint_is_that_of_the_content():
    assert data.fingerprint(dataset([0, 1, 0])) == data.fingerprint(dataset([0, 1, 0]))


def test_the_fingerprint_changes_with_a_label_an_image_or_the_order():
    images = dataset([0, 1, 0])
    black = io.BytesIO()
    PILImage.new("RGB", (4, 4)).save(black, "PNG")
    changed = [
        dataset([0, 1, 1]),
        with_image(images, 2, black.getvalue()),
        images.select([0, 2, 1]),
        images.select([0, 1]),
    ]
    assert len({data.fingerprint(each) for each in [images, *changed]}) == 5


def test_the_fingerprint_changes_with_one_byte():
    images = dataset([0, 1])
    whole = images.cast_column("image", data.Image(decode=False))[1]["image"]["bytes"]
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    assert data.fingerprint(with_image(images, 1, flipped)) != data.fingerprint(images)


def test_images_become_uint8_tensors_without_loss():
    pixels = torch.randint(256, (3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    row = {"image": PILImage.open(io.BytesIO(data.encode_png(pixels))), "label": 1}
    images, labels = data.to_tensors([row])
    assert torch.equal(images[0], pixels)
    assert labels.tolist() == [1]


def test_images_are_resized_to_a_square_if_asked():
    picture = PILImage.fromarray(np.full((9, 5), 77, dtype=np.uint8))  # grey becomes RGB
    images, _ = data.to_tensors([{"image": picture, "label": 0}], resolution=6)
    assert images.shape == (1, 3, 6, 6)
    assert (images == 77).all()


def test_class_names_are_in_label_order():
    assert data.class_names(dataset([1, 0])) == NAMES
