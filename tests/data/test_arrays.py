import errno
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from guided_imagination.data.arrays import decode
from guided_imagination.data.dataset import to_tensors
from guided_imagination.utils.errors import InputError
from helpers.disks import files_of_at_most, small_disk
from helpers.processes import ended, fork, killed
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


def test_two_processes_that_decode_one_split_at_once_both_have_all_of_it(tmp_path):
    images = dataset([row % 2 for row in range(300)], side=6)
    expected = to_tensors(images)[0]
    (ready, go), started = os.pipe(), []

    def run():
        os.read(ready, 1)
        assert torch.equal(decode([images], 300, tmp_path / "images", 6).data.images, expected)

    started = [fork(run) for _ in range(3)]
    os.write(go, b"...")
    assert [ended(process) for process in started] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_the_second_process_uses_what_the_first_has_made(tmp_path):
    ready, go = os.pipe()

    def slow():
        os.write(go, b".")
        time.sleep(0.2)
        yield SEEDS

    process = fork(lambda: decode(slow(), 5, tmp_path / "images", 6))
    os.read(ready, 1)
    made = decode(iter(()), 5, tmp_path / "images", 6)  # would find no image to decode
    assert ended(process) == 0
    assert torch.equal(made.data.images, to_tensors(SEEDS)[0])


def test_what_a_killed_process_leaves_is_removed(tmp_path):
    ready, go = os.pipe()

    def stuck():
        yield SEEDS
        os.write(go, b".")
        time.sleep(60)

    process = fork(lambda: decode(stuck(), 10, tmp_path / "images", 6))
    os.read(ready, 1)
    killed(process)
    assert len(list(tmp_path.iterdir())) > 0
    assert torch.equal(decode([SEEDS], 5, tmp_path / "images", 6).data.images, to_tensors(SEEDS)[0])
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_images_larger_than_the_memory_are_mapped(tmp_path):
    count = 4 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (3 * 224 * 224)
    (tmp_path / "images").mkdir()
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, 224, 224)}
    with (tmp_path / "images" / "images.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        try:
            file.truncate(file.tell() + count * 3 * 224 * 224)  # a hole: it takes no room
        except OSError:
            pytest.skip("this file system has no room for a file of that size")
    for name in ("labels", "variants"):
        np.save(tmp_path / "images" / f"{name}.npy", np.zeros(3, np.int64))
    made = decode(iter(()), count, tmp_path / "images", 224)
    assert made.data.images.shape == (count, 3, 224, 224)
    assert not made.data.images[-1].any()


def test_mapping_images_says_nothing_about_writing(tmp_path, recwarn):
    torch.set_warn_always(True)  # not once a process
    try:
        decode([SEEDS], 5, tmp_path / "images", 6)
    finally:
        torch.set_warn_always(False)
    assert [str(warning.message) for warning in recwarn if "writ" in str(warning.message)] == []


def never():
    raise AssertionError("room is taken before images are decoded")
    yield


def test_a_full_disk_is_told_before_any_image_is_decoded(tmp_path):
    with small_disk(tmp_path / "disk", "100k") as disk:
        with pytest.raises(InputError, match=rf"{disk} is out of space \(No space left on device; 0\.1 MiB are free"):
            decode(never(), 1000, disk / "images", 6)
        assert list(disk.iterdir()) == []
        assert torch.equal(decode([SEEDS], 5, disk / "images", 6).data.images, to_tensors(SEEDS)[0])


def test_a_file_that_may_not_grow_is_told_too(tmp_path):
    with files_of_at_most(1000), pytest.raises(InputError, match="is out of space"):
        decode(never(), 1000, tmp_path / "images", 6)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_cannot_reserve_is_written_to_all_the_same(tmp_path, monkeypatch):
    def unable(*arguments):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", unable)
    assert torch.equal(decode([SEEDS], 5, tmp_path / "images", 6).data.images, to_tensors(SEEDS)[0])
    with files_of_at_most(1000), pytest.raises(InputError, match="is out of space"):
        decode([SEEDS] * 9, 45, tmp_path / "more", 6)


@pytest.mark.parametrize("count", [4, 6])
def test_fewer_or_more_images_than_expected_are_refused(tmp_path, count):
    with pytest.raises(InputError, match=f"5 images to decode instead of {count}"):
        decode([SEEDS], count, tmp_path / "images", 6)
    assert list(tmp_path.iterdir()) == []


def test_a_teacher_is_asked_once_and_its_rows_follow_the_images(tmp_path):
    asked = []

    def teach(images):
        asked.append(len(images))
        means = images.float().mean((1, 2, 3)) / 255
        return torch.stack([means, 1 - means], 1).log()

    decoded = decode([SEEDS.select([0, 1]), variants([0, 1, 2, 0, 2])], 7, tmp_path / "images", 6)
    for _ in range(2):
        taught = decoded.taught(tmp_path / "images", "clip", teach)
    assert asked == [7]
    chosen, rows = taught.first(1), torch.tensor([0, 1, 2, 5])
    assert chosen.real == 2
    expected = teach(taught.data.images[rows]).half().float()  # kept in 16 bits
    torch.testing.assert_close(chosen.log_probs(torch.arange(4)), expected)
    torch.testing.assert_close(chosen.log_probs(torch.tensor([3])), expected[3:])


def test_without_a_teacher_there_are_no_soft_labels(tmp_path):
    with pytest.raises(ValueError, match="no soft labels"):
        decode([SEEDS], 5, tmp_path / "images", 6).first(0).log_probs(torch.tensor([0]))
