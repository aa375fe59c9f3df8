from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from guided_imagination.data.arrays import decode
from guided_imagination.data.dataset import to_tensors
from helpers.toy import dataset

SEEDS = dataset([0, 1, 1, 0, 1], side=6)


def variants(numbers):
    """Images of the same form as an expansion's shard."""
    return dataset([0] * len(numbers), side=6).add_column("variant", list(numbers))


def test_images_and_labels_are_those_of_the_parts_in_their_order(tmp_path):
    parts = [SEEDS, variants([0, 1]), variants([0, 1, 2])]
    made = decode(parts, 10, tmp_path / "images", 6).data
    expected = torch.cat([to_tensors(part)[0] for part in parts])
    images, labels = made[torch.arange(10)]
    assert torch.equal(images, expected)
    assert labels.tolist() == [0, 1, 1, 0, 1] + [0] * 5
    assert len(made) == 10


def test_images_are_resized_as_everywhere_else(tmp_path):
    assert torch.equal(decode([SEEDS], 5, tmp_path / "images", 9).data.images, to_tensors(SEEDS, 9)[0])


def test_a_ratio_takes_the_seeds_and_the_first_variants_of_each(tmp_path):
    # of two seeds the second has lost its variant 1
    made = decode([SEEDS.select([0, 1]), variants([0, 1, 2, 0, 2])], 7, tmp_path / "images", 6)
    everything = made.first(3)
    assert len(everything) == 7
    for ratio, rows in ((0, [0, 1]), (1, [0, 1, 2, 5]), (2, [0, 1, 2, 3, 5])):
        chosen = made.first(ratio)
        assert len(chosen) == len(rows)
        images, labels = chosen[torch.arange(len(rows))]
        assert torch.equal(images, made.data.images[torch.tensor(rows)])
        assert torch.equal(labels, made.data.labels[torch.tensor(rows)])


def test_a_batch_is_taken_by_index(tmp_path):
    made = decode([SEEDS], 5, tmp_path / "images", 6).first(0)
    images, labels = made[torch.tensor([4, 0, 4])]
    assert torch.equal(images, made.images[torch.tensor([4, 0, 4])])
    assert labels.tolist() == [1, 0, 1]


def test_images_are_decoded_once(tmp_path):
    decode([SEEDS], 5, tmp_path / "images", 6)
    again = decode(iter(()), 5, tmp_path / "images", 6)  # would find no image to decode
    assert torch.equal(again.data.images, to_tensors(SEEDS)[0])


def test_a_kill_while_decoding_leaves_nothing_that_looks_complete(tmp_path):
    def unplugged():
        yield SEEDS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(unplugged(), 10, tmp_path / "images", 6)
    assert not (tmp_path / "images").exists()
    assert torch.equal(decode([SEEDS], 5, tmp_path / "images", 6).data.images, to_tensors(SEEDS)[0])
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux lists a process's memory maps")
def test_the_images_stay_on_disk(tmp_path):
    made = decode([SEEDS], 5, tmp_path / "images", 6)
    maps = Path("/proc/self/maps").read_text()
    assert str(tmp_path / "images" / "images.npy") in maps
    assert len(made.data) == 5
    size = (tmp_path / "images" / "images.npy").stat().st_size
    assert 5 * 3 * 6 * 6 <= size <= 5 * 3 * 6 * 6 + 256  # one byte a value, and numpy's header


def test_grey_images_become_rgb(tmp_path):
    def grey(row):
        return {"image": Image.fromarray(np.full((6, 6), 7, np.uint8))}

    made = decode([SEEDS.map(grey)], 5, tmp_path / "images", 6).data
    assert made.images.shape == (5, 3, 6, 6)
    assert (made.images == 7).all()
