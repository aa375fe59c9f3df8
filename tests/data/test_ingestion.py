"""Reading a dataset: roles, classes, and what is said about bad input."""

import json
import os
import sys
from importlib.resources import files
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.data import ingestion
from guided_imagination.data.dataset import checksum, class_names, to_tensors
from guided_imagination.data.sources import recognition
from guided_imagination.utils.errors import InputError
from helpers.fabricate import encoded, folders, picture, put, tiff

FASHION = Path(str(files("guided_imagination"))) / "embedded" / "fashion"


def folder_spec(path, **changes):
    source = {"kind": "folder", "path": str(path), **changes.pop("source", {})}
    return DatasetSpec(source=source, **changes)


def refusal(spec, draw=0):
    with pytest.raises(InputError) as caught:
        ingestion.read(spec, draw)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def birds(tmp_path):
    return folders(tmp_path / "birds", {"001.Crow": 10, "002.Snowy_owl": 5})


def truncate(file):
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("draw", "seeds", "validation"),
    [(0, "cf89f941587c0611", "2dac591c70fbdf96"), (1, "540a80cc19124476", "04c4241d116e0eab")],
)
def test_the_draws_of_published_results_stay(draw, seeds, validation):
    source = {"kind": "parquet", "train": str(FASHION / "pool.parquet"), "test": str(FASHION / "pool.parquet")}
    spec = DatasetSpec(source={**source, "test": []}, test="rest", seeds_per_class=10, validation_per_class=20)
    splits = ingestion.read(spec, draw)
    assert checksum(splits.seeds) == seeds
    assert checksum(splits.validation) == validation


def test_an_own_folder_needs_nothing_but_its_path(birds):
    splits = ingestion.read(folder_spec(birds), 0)
    assert class_names(splits.seeds) == class_names(splits.test) == ["001.Crow", "002.Snowy_owl"]
    assert (len(splits.seeds), len(splits.validation), len(splits.test)) == (12, 0, 3)
    assert list(splits.test["label"]) == [0, 0, 1]


def test_an_own_folder_may_have_a_test_folder(tmp_path):
    train, test = folders(tmp_path / "train", {"crow": 3, "owl": 3}), folders(tmp_path / "test", {"owl": 2})
    splits = ingestion.read(folder_spec(train, source={"test": str(test)}), 0)
    assert list(splits.test["label"]) == [1, 1]
    assert list(splits.test["id"]) == ["test/owl/0000.png", "test/owl/0001.png"]
    assert len(splits.seeds) == 6


def test_bytes_are_those_of_the_files(birds):
    splits = ingestion.read(folder_spec(birds), 0)
    row = splits.seeds.cast_column("image", datasets.Image(decode=False))[0]
    assert row["image"]["bytes"] == (birds / row["id"].removeprefix("train/")).read_bytes()


def test_classes_can_have_other_words_and_be_left_out(tmp_path):
    root = folders(tmp_path / "things", {"BACKGROUND_Google": 3, "Faces_easy": 4, "watch": 5})
    spec = folder_spec(root, names={"Faces_easy": "face"}, exclude=["BACKGROUND_Google"], test_share=0.4)
    splits = ingestion.read(spec, 0)
    assert class_names(splits.seeds) == ["Faces_easy", "watch"]
    assert ingestion.manifest("things", spec, 0, splits)["words"] == ["face", "watch"]
    folders_and_labels = {(row["id"].split("/")[1], row["label"]) for row in splits.seeds}
    assert folders_and_labels == {("Faces_easy", 0), ("watch", 1)}


def test_a_renamed_class_that_is_not_there_is_only_mentioned(birds, caplog):
    ingestion.read(folder_spec(birds, names={"Faces_easy": "face"}), 0)
    assert "has no class 'Faces_easy'" in caplog.text


def test_two_classes_of_one_word_are_refused(tmp_path):
    root = folders(tmp_path / "birds", {"001.snowy_owl": 2, "snowy owl": 2})
    message = refusal(folder_spec(root))
    assert "CLIP would read 'snowy owl' (ignoring case) for both classes '001.snowy_owl' and 'snowy owl'" in message
    assert "names" in message


def test_one_unreadable_image_is_named_and_left_out(birds, caplog):
    broken = birds / "001.Crow" / "0003.png"
    truncate(broken)
    splits = ingestion.read(folder_spec(birds, max_unreadable=0.1), 0)
    assert [entry["id"] for entry in splits.quarantined] == ["train/001.Crow/0003.png"]
    assert "train/001.Crow/0003.png" in caplog.text
    assert len(splits.seeds) + len(splits.test) == 14
    assert "train/001.Crow/0003.png" not in [*splits.seeds["id"], *splits.test["id"]]


def test_too_many_unreadable_images_stop_the_run(birds):
    truncate(birds / "001.Crow" / "0003.png")
    message = refusal(folder_spec(birds))
    assert "1 of the first 4 images cannot be read" in message
    assert "max_unreadable = 0.01" in message
    assert "'train/001.Crow/0003.png'" in message


def test_the_other_seeds_stay_when_one_cannot_be_read(birds):
    spec = folder_spec(birds, seeds_per_class=3, test="rest", max_unreadable=0.1)
    before = set(ingestion.read(spec, 0).seeds["id"])
    lost = min(before)
    truncate(birds / lost.removeprefix("train/"))
    after = ingestion.read(spec, 0).seeds
    assert before - set(after["id"]) == {lost}
    assert len(after) == 6


def test_a_number_of_images_that_differs_from_sizes_is_refused(birds):
    message = refusal(folder_spec(birds, sizes={"train": 16}))
    assert f"{birds} has 15 images in 'train' instead of 16" in message
    assert "move it away and run again" in message
    assert "sizes" in message
    assert len(ingestion.read(folder_spec(birds, sizes={"train": 15}), 0).seeds) == 12


def test_a_missing_part_is_named(birds):
    message = refusal(folder_spec(birds, validation="val"))
    assert f"{birds} has no part 'val'; it has train" in message


def test_a_class_with_fewer_images_than_asked_is_named(birds):
    message = refusal(folder_spec(birds, seeds_per_class=6, test="rest"))
    assert "class '002.Snowy_owl' has 5 images, but 6 were requested" in message


def test_a_class_without_a_seed_is_named(tmp_path):
    root = folders(tmp_path / "birds", {"crow": 50, "owl": 1})
    assert "the class 'owl' has no image among the seeds" in refusal(folder_spec(root, seeds_total=2, test="rest"))


def test_a_class_without_a_test_image_is_mentioned(tmp_path, caplog):
    root = folders(tmp_path / "birds", {"crow": 20, "owl": 2})
    ingestion.read(folder_spec(root, seeds_per_class=2, test="rest"), 0)
    assert "no test image of class 'owl'" in caplog.text


def npz_spec(tmp_path, labels, **changes):
    images = np.zeros((len(labels), 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", train_images=images, train_labels=np.array(labels))
    return DatasetSpec(source={"kind": "npz", "path": str(tmp_path / "x.npz")}, **changes)


@pytest.mark.parametrize("wrong", [2, -1])
def test_a_label_outside_the_range_is_named(tmp_path, wrong):
    message = refusal(npz_spec(tmp_path, [0, 1, 1, wrong], classes=["crow", "owl"]))
    assert f"the label of 1 images is out of range, e.g. {wrong} of 'train/00003'" in message
    assert "allowed: 0 to 1 (2 classes)" in message


def test_a_source_without_class_names_asks_for_them(tmp_path):
    assert "has no class names: list them by label under classes" in refusal(npz_spec(tmp_path, [0, 1]))


@pytest.mark.parametrize("names", [["crow"], ["002.Snowy_owl", "001.Crow"]])
def test_names_for_a_source_that_has_its_own_are_refused(birds, names):
    """In another order they would silently swap all labels."""
    assert "classes is for sources without names" in refusal(folder_spec(birds, classes=names))
    assert ingestion.read(folder_spec(birds, classes=["001.Crow", "002.Snowy_owl"]), 0).seeds


def split_file(tmp_path, **changes):
    content = {"classes": ["001.Crow", "002.Snowy_owl"], "seeds": [], "validation": [], "test": [], **changes}
    (tmp_path / "split.json").write_text(json.dumps(content))
    return str(tmp_path / "split.json")


SEEDS = ["train/002.Snowy_owl/0001.png", "train/001.Crow/0000.png"]


def test_an_index_file_is_used_as_it_is(birds, tmp_path):
    path = split_file(tmp_path, seeds=SEEDS, test=["train/001.Crow/0005.png"])
    splits = ingestion.read(folder_spec(birds, split=path), 0)
    assert list(splits.seeds["id"]) == sorted(SEEDS)
    assert list(splits.seeds["label"]) == [0, 1]
    assert list(splits.test["id"]) == ["train/001.Crow/0005.png"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": [*SEEDS, "train/x.png"]}, "names 1 images that are not in .*, e.g. 'train/x.png'"),
        ({"seeds": SEEDS, "test": SEEDS[:1]}, f"names 1 images more than once, e.g. '{SEEDS[0]}'"),
        ({"classes": ["Owl", "Crow"], "seeds": SEEDS}, "is one of the classes"),
        ({"classes": "Owl"}, "is not a split file; needed: lists called classes, seeds, validation and test"),
    ],
)
def test_an_index_file_that_does_not_fit_is_refused(birds, tmp_path, changes, said):
    spec = folder_spec(birds, split=split_file(tmp_path, **changes))
    with pytest.raises(InputError, match=said):
        ingestion.read(spec, 0)


def test_an_index_file_of_an_older_version_has_words_for_names(birds, tmp_path):
    path = split_file(tmp_path, classes=["Crow", "owl"], seeds=SEEDS)
    splits = ingestion.read(folder_spec(birds, split=path, names={"002.Snowy_owl": "owl"}), 0)
    assert class_names(splits.seeds) == ["001.Crow", "002.Snowy_owl"]
    assert list(splits.seeds["label"]) == [0, 1]
    assert "name the classes in the split as the source does" in refusal(folder_spec(birds, split=path))


def test_a_missing_index_file_is_named(birds):
    assert "the split nowhere.json does not exist" in refusal(folder_spec(birds, split="nowhere.json"))


def test_the_index_of_what_was_read_gives_the_same_again(birds, tmp_path):
    spec = folder_spec(birds, seeds_per_class=2, validation_per_class=1, test="rest")
    first = ingestion.read(spec, 4)
    (tmp_path / "split.json").write_text(json.dumps(ingestion.index(first)))
    again = ingestion.read(folder_spec(birds, split=str(tmp_path / "split.json")), 0)
    for part in ("seeds", "validation", "test"):
        assert checksum(getattr(first, part)) == checksum(getattr(again, part))


def test_the_manifest_counts_images_per_class(birds):
    spec = folder_spec(birds, seeds_per_class=2, test="rest")
    manifest = ingestion.manifest("birds", spec, 0, ingestion.read(spec, 0))
    assert manifest["splits"]["seeds"]["images_per_class"] == {"min": 2, "max": 2}
    assert manifest["splits"]["test"]["images_per_class"] == {"min": 3, "max": 8}
    assert manifest["source"]["path"] == str(birds)
    json.dumps(manifest)


def test_images_of_every_mode_are_read(tmp_path):
    root = tmp_path / "modes"
    for side, name in enumerate(("crow", "owl"), start=4):
        put(root / name / "rgb.png")
        put(root / name / "grey.jpg", grey=True)
        (root / name / "alpha.png").write_bytes(encoded(picture(name).convert("RGBA")))
        (root / name / "cmyk.jpg").write_bytes(encoded(picture(name).convert("CMYK"), "JPEG"))
        (root / name / "palette.gif").write_bytes(encoded(picture(name).convert("P"), "GIF"))
        levels = Image.fromarray(np.full((4, side), 65535, dtype=np.uint16))
        (root / name / "deep.png").write_bytes(encoded(levels))
    splits = ingestion.read(folder_spec(root, seeds_per_class=6, test="rest"), 0)
    assert splits.quarantined == []
    images, _ = to_tensors(splits.seeds, resolution=8)
    assert images.shape == (12, 3, 8, 8)


def deep(root, **values):
    """Two classes of images of 16 bits with the given brightest value each."""
    for name, brightest in values.items():
        (root / name).mkdir(parents=True)
        for number in range(3):
            image = Image.fromarray(
                np.array([[0, brightest // 2] + number * [0], [7, brightest] + number * [0]], np.uint16)
            )
            (root / name / f"{number}.png").write_bytes(encoded(image))
    return folder_spec(root, test_share=0.34)


def test_a_dataset_of_twelve_bits_in_sixteen_is_refused(tmp_path):
    message = refusal(deep(tmp_path / "ct", crow=4095, owl=3000))
    assert "no value of its 6 images of 16 bits is above 4095 of 65535, they would be nearly black" in message
    assert "scale them to 16 bits, convert them to 8" in message


def test_dark_images_of_a_dataset_of_sixteen_bits_are_taken(tmp_path):
    splits = ingestion.read(deep(tmp_path / "ct", crow=300, owl=65535), 0)
    assert splits.quarantined == []
    assert sorted({int(np.asarray(row["image"]).max()) for row in splits.seeds}) == [1, 255]  # 300 / 257 = 1.2


def test_black_images_of_sixteen_bits_are_black_in_any_range(tmp_path):
    root = tmp_path / "black"
    for name in ("crow", "owl"):
        (root / name).mkdir(parents=True)
        for number in range(3):
            black = np.zeros((len(name), 2 + number), np.uint16)
            (root / name / f"{number}.png").write_bytes(encoded(Image.fromarray(black)))
    assert len(ingestion.read(folder_spec(root, test_share=0.34), 0).seeds) == 4


def test_twelve_bits_are_kept_as_every_reader_shows_them(tmp_path):
    content = tiff(3, np.array([0, 2064, 4095], "<u2").tobytes(), bits=16, t341=4095, t274=1)
    for part in ("train", "test"):
        for name in ("crow", "owl"):
            (tmp_path / part / name).mkdir(parents=True)
            (tmp_path / part / name / "0.tif").write_bytes(content)
    seeds = ingestion.read(folder_spec(tmp_path / "train", source={"test": str(tmp_path / "test")}), 0).seeds
    assert np.asarray(seeds[0]["image"]).tolist() == [[0, 129, 255]]
    assert to_tensors(seeds)[0][0, 1].tolist() == [[0, 129, 255]]


def test_images_without_a_range_stop_the_run_with_the_way_on(tmp_path):
    for name in ("crow", "owl"):
        (tmp_path / name).mkdir()
        for number in range(3):
            (tmp_path / name / f"{number}.tif").write_bytes(tiff(2, bytes(8), bits=32, kind=3))
    message = refusal(folder_spec(tmp_path))
    assert "the last is 'train/crow/0.tif' (its values are floating point numbers" in message
    assert "convert it to 8 or 16 bits" in message


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "wide.jpg"), ("PNG", "wide.png")])
def test_squeezed_images_show_all_of_the_picture(tmp_path, kind, name):
    """Three stripes of a picture twice as wide as high: the middle shows one, the squeezed square all three."""
    stripes = np.zeros((40, 80, 3), np.uint8)
    for colour in range(3):
        stripes[:, colour * 80 // 3 : (colour + 1) * 80 // 3 + 1, colour] = 255
    for number, part in enumerate("ab"):
        (tmp_path / part).mkdir()
        stripes[0, 0] = 100 * number  # no image is a copy of another
        Image.fromarray(stripes).save(tmp_path / part / name)
        Image.fromarray(stripes[:, :40]).save(tmp_path / part / f"square-{name}")
    read = {
        fit: ingestion.read(folder_spec(tmp_path, fit=fit, test="rest", seeds_per_class=1), 0)
        for fit in ("crop", "squeeze")
    }
    rows = {
        fit: {row["id"]: row["image"] for part in (made.seeds, made.test) for row in part} for fit, made in read.items()
    }
    names = [row for row in rows["squeeze"] if "square" not in row]
    for row in names:
        assert rows["crop"][row].size == (80, 40)
        squeezed = rows["squeeze"][row]
        assert (squeezed.size, squeezed.format) == ((80, 80), kind)
        pixels, _ = to_tensors([{"image": squeezed, "label": 0}], 40)
        assert [pixels[0, :, 20, x].argmax().item() for x in (6, 20, 34)] == [0, 1, 2]
    for row in set(rows["squeeze"]) - set(names):
        assert rows["squeeze"][row].tobytes() == rows["crop"][row].tobytes(), "a square is left as it is"


def test_real_images_of_caltech(photographs):
    splits = ingestion.read(folder_spec(photographs, seeds_per_class=30, test="rest"), 0)
    assert (len(splits.seeds), len(splits.test)) == (360, 240)
    assert splits.quarantined == []
    images, _ = to_tensors(splits.seeds.select(range(20)), resolution=224)
    assert images.shape == (20, 3, 224, 224)


def photographs(root):
    """Ten images of two classes, and eight files that Pillow cannot read."""
    folders(root, {"crow": 5, "owl": 5})
    for number in range(6):
        (root / "owl" / f"IMG_{number}.{'HEIC' if number else 'heic'}").write_bytes(b"\0\0\0\x18ftypheic" + bytes(8))
    (root / "owl" / "a.CR2").write_bytes(b"II*\0\x10\0\0\0CR\2\0")
    (root / "owl" / "photo").write_bytes(bytes(range(256)))
    return root


COUNTS = "8 of 18 images cannot be read (6 .heic, 1 .cr2, 1 without suffix; e.g. 'train/owl/"


@pytest.mark.parametrize("reader", [True, False])
def test_photographs_that_nothing_reads_are_counted_by_suffix(tmp_path, caplog, monkeypatch, reader):
    monkeypatch.setattr(recognition, "READS_HEIF", reader)
    root = photographs(tmp_path)
    splits = ingestion.read(folder_spec(root, max_unreadable=8 / 18), 0)
    assert len(splits.seeds) + len(splits.test) == 10
    assert len(splits.quarantined) == 8
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert COUNTS in warning
    assert ("pip install 'guided-imagination[heic]'" in warning) is not reader


def test_more_of_them_than_max_unreadable_stop_the_run(tmp_path):
    root = photographs(tmp_path)
    assert COUNTS in refusal(folder_spec(root, max_unreadable=0.44))
    put(root / "crow" / "broken.png").write_bytes(b"broken")
    assert "more than max_unreadable = 0.43" in refusal(folder_spec(root, max_unreadable=0.43))  # 8 of 19 are not
    assert "'train/crow/broken.png'" not in refusal(folder_spec(root))
    assert ingestion.read(folder_spec(root, max_unreadable=9 / 19), 0).quarantined[0]["id"] == "train/crow/broken.png"


def test_unread_files_of_a_class_that_is_left_out_do_not_count(tmp_path):
    folders(tmp_path, {"crow": 5, "crane": 5})
    photographs(tmp_path / "more")
    (tmp_path / "more" / "owl").rename(tmp_path / "owl")
    (tmp_path / "more").rename(tmp_path / ".more")
    splits = ingestion.read(folder_spec(tmp_path, exclude=["owl"], sizes={"train": 15}), 0)
    assert (class_names(splits.seeds), splits.quarantined) == (["crane", "crow"], [])


def test_pipes_devices_and_dead_links_are_named_and_not_opened(tmp_path, caplog):
    root = folders(tmp_path, {"crow": 8, "owl": 8})
    for name in ("pipe.png", "pipe", "pipe.heic", "pipe.txt"):
        os.mkfifo(root / "owl" / name)
    (root / "owl" / "zero.jpg").symlink_to("/dev/zero")
    (root / "owl" / "zero").symlink_to("/dev/zero")
    (root / "owl" / "gone.png").symlink_to("nowhere.png")
    (root / "owl" / "itself.png").symlink_to("itself.png")
    splits = ingestion.read(folder_spec(root, max_unreadable=0.5), 0)
    reasons = {image["id"].removeprefix("train/owl/"): image["reason"] for image in splits.quarantined}
    assert reasons == {
        "gone.png": "it is a broken link",
        "itself.png": "it is a broken link",
        "pipe.heic": "it is not a regular file",
        "pipe.png": "it is not a regular file",
        "zero.jpg": "it is not a regular file",
    }
    assert all(f"'train/owl/{name}'" in caplog.text for name in reasons)


@pytest.mark.parametrize(("kind", "key"), [("npz", "path"), ("parquet", "train")])
def test_a_pipe_in_place_of_a_file_is_not_opened(tmp_path, kind, key):
    os.mkfifo(tmp_path / "x")
    assert "not a regular file" in refusal(DatasetSpec(source={"kind": kind, key: str(tmp_path / "x")}))


def test_where_python_takes_names_for_ascii_the_remedy_is_named(tmp_path, monkeypatch):
    root = folders(tmp_path / "x", {"crow": 2, "caf\u00e9": 2})
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    ingestion.read(folder_spec(folders(tmp_path / "plain", {"crow": 5, "owl": 5})), 0)
    assert "PYTHONUTF8=1" in refusal(folder_spec(root))
    assert "PYTHONUTF8=1" in refusal(folder_spec(tmp_path / "caf\u00e9"))
