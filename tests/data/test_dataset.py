import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from PIL import Image as PILImage

from guided_imagination.data import dataset as data
from guided_imagination.data.images import encode
from helpers.fabricate import encoded, picture
from helpers.toy import NAMES, dataset


def with_image(images, row, content):
    """The dataset with other bytes for the image of a row."""
    columns = images.with_format(None).cast_column("image", data.Image(decode=False)).to_dict()
    columns["image"][row] = content if isinstance(content, dict) else {"bytes": content, "path": None}
    return data.Dataset.from_dict(columns, features=images.features)


def samples(count):
    return [(f"train/{row}", encoded(picture(row)), row % 2) for row in range(count)]


def test_what_is_written_is_what_is_read():
    written = data.write(iter(samples(150)), NAMES)  # more than one batch
    rows = written.cast_column("image", data.Image(decode=False))
    assert [(row["id"], row["image"]["bytes"], row["label"]) for row in rows] == samples(150)
    assert written.features == data.features(NAMES)


def test_nothing_can_be_written():
    assert len(data.write([], NAMES)) == 0


def test_written_images_are_not_in_memory():
    before = pa.total_allocated_bytes()
    written = data.write(((str(row), bytes(100_000), 0) for row in range(200)), NAMES)  # 20 MB
    assert len(written) == 200
    assert pa.total_allocated_bytes() - before < 1_000_000


def test_no_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    written = data.write(samples(3), NAMES)
    assert list(tmp_path.iterdir()) == []
    assert written[2]["image"].size == (12, 10)


def test_equal_content_has_equal_checksums_however_it_was_made():
    first = data.write(samples(4), NAMES)
    assert data.checksum(first) == data.checksum(data.write(samples(4), NAMES))
    assert data.checksum(first) == data.checksum(data.write(samples(9), NAMES).select(range(4)))


def test_the_fingerprint_is_that_of_the_content():
    assert data.checksum(dataset([0, 1, 0])) == data.checksum(dataset([0, 1, 0]))


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
    assert len({data.checksum(each) for each in [images, *changed]}) == 5


def test_the_fingerprint_changes_with_one_byte():
    images = dataset([0, 1])
    whole = images.cast_column("image", data.Image(decode=False))[1]["image"]["bytes"]
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    assert data.checksum(with_image(images, 1, flipped)) != data.checksum(images)


def test_the_fingerprint_covers_images_that_are_files(tmp_path):
    images, file = dataset([0, 1]), tmp_path / "1.png"
    whole = images.cast_column("image", data.Image(decode=False))[1]["image"]["bytes"]
    Path(file).write_bytes(whole)
    by_path = with_image(images, 1, {"bytes": None, "path": str(file)})
    assert data.checksum(by_path) == data.checksum(images)
    Path(file).write_bytes(whole + b"\0")
    assert data.checksum(by_path) != data.checksum(images)


def test_images_become_uint8_tensors_without_loss():
    pixels = torch.randint(256, (3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    row = {"image": PILImage.open(io.BytesIO(encode(pixels))), "label": 1}
    images, labels = data.to_tensors([row])
    assert torch.equal(images[0], pixels)
    assert labels.tolist() == [1]


def test_images_are_resized_to_a_square_if_asked():
    picture = PILImage.fromarray(np.full((9, 5), 77, dtype=np.uint8))  # grey becomes RGB
    images, _ = data.to_tensors([{"image": picture, "label": 0}], resolution=6)
    assert images.shape == (1, 3, 6, 6)
    assert (images == 77).all()


def test_sixteen_bit_images_of_a_dataset_keep_their_levels():
    levels = PILImage.fromarray(np.array([[0, 32896, 65535]], dtype=np.uint16))
    written = data.write([("0", encoded(levels), 0)], NAMES)
    images, _ = data.to_tensors(written)
    assert images[0, 0].tolist() == [[0, 128, 255]]


def test_class_names_are_in_label_order():
    assert data.class_names(dataset([1, 0])) == NAMES


def test_large_files_are_few_in_a_batch():
    """Arrow has no more than 2 GB in a batch, and photographs without compression are 36 MB each."""
    content = bytes(2**22)
    made = data.write(((str(row), content, 0) for row in range(5)), NAMES)
    assert len(made) == 5
    assert max(len(batch) for batch in made.data.table.to_batches()) == 3
