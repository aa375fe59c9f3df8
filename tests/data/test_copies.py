"""Images with the same pixels: on one side of what is drawn, and told of where the user gives the sides."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.data import ingestion
from guided_imagination.data.copies import Side, between
from guided_imagination.utils.errors import InputError
from helpers.fabricate import folders, picture, put

SAYS_LITTLE = "so what is measured on them says little about new images"


def spec_of(path, own_test=None, **settings):
    return DatasetSpec(source={"kind": "folder", "path": str(path), "test": own_test and str(own_test)}, **settings)


@pytest.fixture
def twice(tmp_path):
    """Six cats that are there twice, ten dogs, and a dog that lies among the cats too."""
    root = folders(tmp_path / "twice", {"cat": 6, "dog": 10})
    for file in sorted((root / "cat").iterdir()):
        shutil.copy(file, file.with_name(f"again_{file.name}"))
    shutil.copy(root / "dog" / "0003.png", root / "cat" / "dog.png")
    return root


def pixels(images):
    return {(row["image"].size, row["image"].convert("RGB").tobytes()) for row in images}


def said(splits):
    return [note.said for note in splits.notes]


@pytest.mark.parametrize("draw", [0, 1, 2])
@pytest.mark.parametrize(
    ("settings", "sizes"),  # of 6 cats and 10 dogs, one of which is known as a cat: 7 and 9 that can be drawn
    [
        ({}, (13, 0, 3)),
        ({"test_share": 0.4, "validation_per_class": 2}, (6, 4, 6)),
        ({"test_share": 0.4, "seeds_per_class": 2, "validation_per_class": 2}, (4, 4, 6)),
        ({"seeds_per_class": 3, "validation_per_class": 1, "test": "rest"}, (6, 2, 8)),
        ({"seeds_total": 8, "test": "rest"}, (8, 0, 8)),
    ],
)
def test_no_two_sides_of_a_draw_have_the_same_pixels(twice, settings, sizes, draw, caplog):
    splits = ingestion.read(spec_of(twice, **settings), draw)
    sides = splits.seeds, splits.validation, splits.test
    assert tuple(len(side) for side in sides) == sizes
    assert len(set.union(*map(pixels, sides))) == sum(sizes), "each image is there once"
    assert said(splits) == [
        "6 of 23 images are copies of others and are left out of the draw",
        "1 of 23 images is a copy of one with another label and is left out of the draw",
    ]
    assert f"{twice}: 1 of 23 images is a copy of one with another label" in caplog.text
    assert "('train/dog/0003.png' of 'train/cat/dog.png')" in caplog.text
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 2


def test_the_other_images_are_drawn_as_without_copies(tmp_path):
    """The order of all is drawn: a copy is passed over, and nobody else moves."""
    root = folders(tmp_path / "birds", {"crow": 12, "owl": 12})
    settings = {"seeds_per_class": 4, "test": "rest"}
    before = set(ingestion.read(spec_of(root, **settings), 0).seeds["id"])
    shutil.copy(root / "crow" / "0000.png", root / "crow" / "0011.png")
    after = set(ingestion.read(spec_of(root, **settings), 0).seeds["id"])
    assert len(after) == 8
    assert before - after <= {"train/crow/0011.png"}


def test_images_of_which_there_is_one_are_drawn_without_a_word(tmp_path, caplog):
    splits = ingestion.read(spec_of(folders(tmp_path / "birds", {"crow": 10, "owl": 5})), 0)
    assert (splits.copies, splits.notes, caplog.records) == ([], [], [])


def test_pixels_count_and_not_files(tmp_path):
    """Formats, palettes, transparency and the turn that EXIF asks for are ways to keep the same picture."""
    root = folders(tmp_path / "birds", {"crow": 1, "owl": 4})
    image = picture("the same", size=(6, 4)).quantize(16).convert("RGB")
    image.save(root / "crow" / "a.png")
    image.save(root / "crow" / "b.bmp")
    image.save(root / "crow" / "c.tif", compression="tiff_lzw")
    image.quantize(16).save(root / "crow" / "d.gif")
    image.convert("RGBA").save(root / "crow" / "e.webp", lossless=True)
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned clockwise when it is shown
    image.transpose(Image.Transpose.ROTATE_90).save(root / "crow" / "f.png", exif=turned)
    image.transpose(Image.Transpose.ROTATE_90).save(root / "crow" / "g.png")  # another picture
    black = np.zeros((2, 3), np.uint8)
    for name, values in (("flat.png", black), ("high.png", black.T)):  # the same bytes in another shape
        Image.fromarray(values).save(root / "owl" / name)
    splits = ingestion.read(spec_of(root), 0)
    assert splits.copies == [[f"train/crow/{name}" for name in ("a.png", "b.bmp", "c.tif", "d.gif", "e.webp", "f.png")]]
    assert len(splits.seeds) + len(splits.test) == 9


def test_unreadable_images_are_no_copies_of_each_other(tmp_path):
    root = folders(tmp_path / "birds", {"crow": 6, "owl": 6})
    for name in ("0000.png", "0001.png"):
        (root / "crow" / name).write_bytes(b"broken")
    splits = ingestion.read(spec_of(root, max_unreadable=0.5), 0)
    assert (splits.copies, splits.notes) == ([], [])
    assert len(splits.quarantined) == 2


def test_a_test_folder_with_seeds_in_it_is_told_of_and_taken_as_it_is(twice, tmp_path, caplog):
    test = folders(tmp_path / "test", {"cat": 0, "dog": 8})
    for number in range(3):
        shutil.copy(twice / "cat" / f"000{number}.png", test / "cat")
    for number in range(8):
        put(test / "dog" / f"000{number}.png", "other")
    spec = spec_of(twice, test)
    splits = ingestion.read(spec, 0)
    assert (len(splits.seeds), len(splits.test)) == (23, 11), "nothing is drawn, so nothing is left out"
    expected = [f"3 of 11 test images have the same pixels as seeds, {SAYS_LITTLE}"]
    assert said(splits) == [*expected, "1 image is there with more than one label"]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    first = "the test image 'test/cat/0000.png' and the seed 'train/cat/0000.png'"
    assert len(warnings) == 2
    assert warnings[0].startswith(f"{twice}: {expected[0]} ({first}; ")
    assert warnings[1].endswith("('train/cat/dog.png' and 'train/dog/0003.png')")
    manifest = json.loads(json.dumps(ingestion.manifest("twice", spec, 0, splits)))
    assert [note["said"] for note in manifest["notes"]] == said(splits)
    assert manifest["copies"][0] == ["train/cat/0000.png", "train/cat/again_0000.png", "test/cat/0000.png"]


def test_every_pair_of_the_user_s_sides_is_told_of(tmp_path):
    """Images 0 to 3 are seeds, 3 and 4 for validation, 2 to 4 and twice 3 for the test, where 2 has another label."""
    every = np.random.default_rng(0).integers(256, size=(5, 4, 4, 3), dtype=np.uint8)
    parts = {"train": ([0, 1, 2, 3], [0, 0, 1, 1]), "val": ([3, 4], [1, 0]), "test": ([2, 3, 4, 3], [0, 1, 0, 1])}
    arrays = {f"{part}_images": every[rows] for part, (rows, _) in parts.items()}
    np.savez(tmp_path / "x.npz", **arrays, **{f"{part}_labels": labels for part, (_, labels) in parts.items()})
    source = {"kind": "npz", "path": str(tmp_path / "x.npz")}
    spec = DatasetSpec(source=source, classes=["crow", "owl"], validation="val", test="test")
    assert said(ingestion.read(spec, 0)) == [
        f"1 of 2 validation images has the same pixels as seeds, {SAYS_LITTLE}",
        f"3 of 4 test images have the same pixels as seeds, {SAYS_LITTLE}",
        f"3 of 4 test images have the same pixels as validation images, {SAYS_LITTLE}",
        "1 image is there with more than one label",
    ]


def test_seeds_that_are_drawn_may_be_in_the_user_s_test(twice, tmp_path):
    test = tmp_path / "test"
    shutil.copytree(twice, test)
    splits = ingestion.read(spec_of(twice, test, seeds_per_class=3, validation_per_class=2), 0)
    assert len(pixels([*splits.seeds, *splits.validation])) == 10
    assert len(splits.test) == 23
    on_both = sum((row["image"].size, row["image"].tobytes()) in pixels(splits.seeds) for row in splits.test)
    assert f"{on_both} of 23 test images have the same pixels as seeds, {SAYS_LITTLE}" in said(splits)
    assert on_both >= 6


def test_validation_images_that_are_drawn_from_a_part_of_their_own_are_drawn_once(tmp_path):
    train, test = folders(tmp_path / "a", {"crow": 2, "owl": 2}), folders(tmp_path / "b", {"crow": 0, "owl": 0})
    val = folders(tmp_path / "c", {"crow": 0, "owl": 0})
    for name in ("crow", "owl"):
        put(test / name / "test.png")
        for number in range(2):
            shutil.copy(put(val / name / f"{number}.png", "val"), val / name / f"{number}_again.png")
    source = {"kind": "folder", "path": str(train), "val": str(val), "test": str(test)}
    splits = ingestion.read(DatasetSpec(source=source, validation="val", validation_per_class=2), 0)
    assert len(pixels(splits.validation)) == len(splits.validation) == 4
    assert said(splits) == ["4 of 8 images are copies of others and are left out of the draw"]


def test_the_sides_of_an_index_file_are_the_user_s(twice, tmp_path):
    index = {"classes": ["cat", "dog"], "validation": [], "seeds": ["train/cat/0000.png", "train/dog/0003.png"]}
    index["test"] = ["train/cat/again_0000.png", "train/dog/0005.png", "train/cat/dog.png"]
    (tmp_path / "split.json").write_text(json.dumps(index))
    splits = ingestion.read(spec_of(twice, split=str(tmp_path / "split.json")), 0)
    assert (len(splits.seeds), len(splits.test)) == (2, 3)
    assert said(splits) == [
        f"2 of 3 test images have the same pixels as seeds, {SAYS_LITTLE}",
        "1 image is there with more than one label",
    ]
    index["test"] = ["train/dog/0005.png"]  # of what is in no split nothing has to be said
    (tmp_path / "split.json").write_text(json.dumps(index))
    assert said(ingestion.read(spec_of(twice, split=str(tmp_path / "split.json")), 0)) == []


def test_a_class_of_copies_alone_cannot_be_drawn(tmp_path, caplog):
    root = folders(tmp_path / "birds", {"crow": 4})
    shutil.copytree(root / "crow", root / "owl")
    with pytest.raises(InputError, match="the class 'owl' has no image among the seeds"):
        ingestion.read(spec_of(root), 0)
    assert "4 of 8 images are copies of others with another label and are left out of the draw" in caplog.text


def test_three_examples_are_enough():
    """A hundred images of two sides are one line."""
    ids, labels, shared = [str(row) for row in range(100)], np.zeros(100, np.int64), np.arange(100)
    (note,) = between(Side("seed", ids, labels, shared), Side("test image", ids, labels, shared[::-1]))
    assert note.said.startswith("100 of 100 test images have the same pixels as seeds")
    assert list(note.examples) == [f"the test image '{row}' and the seed '{99 - row}'" for row in range(3)]
