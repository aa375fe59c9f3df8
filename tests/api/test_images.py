import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value
from PIL import Image as PillowImage

from guided_imagination.api.images import read_images
from guided_imagination.api.settings import spec
from guided_imagination.config import DatasetSpec
from guided_imagination.data.dataset import checksum, to_tensors
from guided_imagination.utils.errors import InputError

SPEC = DatasetSpec.model_validate(spec(8, None))
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), np.uint8)
NAMES = ["cat", "dog"]


def read(images):
    return read_images(images, SPEC)


def refusal(images):
    with pytest.raises(InputError) as caught:
        read(images)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["cat", "cat", "dog", "dog"]):
        (tmp_path / name).mkdir(exist_ok=True)
        PillowImage.fromarray(PIXELS[number]).save(tmp_path / name / f"{number}.png")
    return tmp_path


@pytest.mark.parametrize(
    "array",
    [
        PIXELS,
        PIXELS.transpose(0, 3, 1, 2),
        torch.from_numpy(PIXELS),
        torch.from_numpy(PIXELS).permute(0, 3, 1, 2) / 255,
        (PIXELS / 255).astype(np.float32),
    ],
)
def test_arrays_of_every_layout_are_the_same_images(array):
    seeds = read((array, [0, 0, 1, 1], NAMES))
    pixels, labels = to_tensors(seeds)
    assert torch.equal(pixels.permute(0, 2, 3, 1), torch.from_numpy(PIXELS))
    assert labels.tolist() == [0, 0, 1, 1]
    assert seeds.features["label"].names == NAMES


def test_a_folder_is_read_as_it_lies(folder):
    seeds = read(folder)
    assert seeds["id"][:] == ["train/cat/0.png", "train/cat/1.png", "train/dog/2.png", "train/dog/3.png"]
    pixels, labels = to_tensors(seeds)
    assert torch.equal(pixels.permute(0, 2, 3, 1), torch.from_numpy(PIXELS))
    assert labels.tolist() == [0, 0, 1, 1]


def test_a_dataset_keeps_its_ids_and_bytes(folder):
    seeds = read(folder)
    assert checksum(read(seeds)) == checksum(seeds)
    assert read(seeds.remove_columns("id"))["id"][:2] == ["train/00000", "train/00001"]
    assert read(seeds.select([3, 0]))["label"][:] == [1, 0]


BAD = {
    "no tuple": ([1, 2], "images are a list; allowed: a folder"),
    "no folder": ("nowhere", "nowhere is not a folder"),
    "one dimension less": ((PIXELS[0], [0], NAMES), "shape (6, 5, 3); allowed: (N, 3, H, W) and (N, H, W, 3)"),
    "grey": ((PIXELS[..., :1], [0] * 4, NAMES), "shape (4, 6, 5, 1)"),
    "either": ((np.zeros((4, 3, 9, 3), np.uint8), [0] * 4, NAMES), "could have their channels first or last"),
    "none": ((PIXELS[:0], np.zeros(0, int), NAMES), "there are no images"),
    "integers": ((PIXELS.astype(np.int64), [0] * 4, NAMES), "int64; allowed: uint8, or floats in [0, 1]"),
    "bright": ((PIXELS.astype(np.float32), [0] * 4, NAMES), "allowed: 0 to 1, or uint8"),
    "no number": ((np.full((4, 6, 5, 3), np.nan), [0] * 4, NAMES), "floats from nan to nan"),
    "half a number": ((PIXELS, [0.0] * 4, NAMES), "labels are an array of float64; allowed: integers"),
    "too few labels": ((PIXELS, [0, 1], NAMES), "labels have the shape (2,), images are 4"),
    "out of range": ((PIXELS, [0, 1, 2, 1], NAMES), "the label of 1 images is out of range, e.g. 2 of 'train/00002'"),
    "below zero": ((PIXELS, [0, 1, -1, 1], NAMES), "allowed: 0 to 1 (2 classes)"),
    "twice": ((PIXELS, [0, 1, 0, 1], ["cat", "cat"]), "a list of different names"),
    "a text": ((PIXELS, [0, 1, 0, 1], "ab"), "a list of different names"),
    "no names": ((PIXELS, [0, 1, 0, 1], []), "there is no class name"),
    "blank": ((PIXELS, [0, 1, 0, 1], ["cat", " "]), "has the blank name ' '"),
    "unused": ((PIXELS, [0, 0, 0, 0], NAMES), "the class 'dog' has no image among the seeds"),
}


@pytest.mark.parametrize(("images", "sentence"), BAD.values(), ids=BAD)
def test_bad_images_are_refused_in_a_sentence(images, sentence):
    assert sentence in refusal(images)


def test_bad_datasets_are_refused_in_a_sentence(folder):
    seeds = read(folder)
    assert "no column 'image', it has id, picture, label" in refusal(seeds.rename_column("image", "picture"))
    assert "class_encode_column" in refusal(seeds.cast_column("label", Value("int64")))
    assert "column 'image' is" in refusal(seeds.remove_columns("image").add_column("image", ["a"] * 4))
    assert "hand over one of its splits (train)" in refusal(DatasetDict(train=seeds))
    twice = seeds.remove_columns("id").add_column("id", ["a"] * 4)
    assert "ids more than once" in refusal(twice)
    features = Features(image=Image(), label=ClassLabel(names=NAMES))
    lost = Dataset.from_dict({"image": [seeds[0]["image"]] * 2, "label": [0, None]}, features=features)
    assert "out of range, e.g. -1" in refusal(lost)


def test_images_below_a_class_folder_are_not_left_out_in_silence(folder):
    (folder / "cat" / "more").mkdir()
    assert len(read(folder)) == 4
    PillowImage.fromarray(PIXELS[0]).save(folder / "cat" / "more" / "5.png")
    assert f"{folder}/cat/more holds images, but is a folder inside the class folder {folder}/cat" in refusal(folder)


def test_a_folder_of_folders_and_an_empty_one_are_refused(folder, tmp_path_factory):
    above = tmp_path_factory.mktemp("above")
    (above / "pictures").symlink_to(folder)
    assert "the class folder" in refusal(above)
    assert "has no images; needed: a folder for each class" in refusal(tmp_path_factory.mktemp("empty"))


def test_an_unreadable_file_is_named(folder):
    (folder / "dog" / "3.png").write_bytes(b"no picture")
    sentence = refusal(folder)
    assert "'train/dog/3.png'" in sentence
    assert "1 of the first 4 images cannot be read" in sentence


@pytest.mark.parametrize("name", ["5.png", "5.NEF", "photo"])
def test_whatever_is_an_image_is_missed_below_a_class_folder(folder, name):
    (folder / "cat" / "more").mkdir()
    PillowImage.fromarray(PIXELS[0]).save(folder / "cat" / "more" / name, "PNG")
    assert f"{folder}/cat/more holds images" in refusal(folder)


def test_photographs_that_nothing_reads_are_refused_or_counted(folder, caplog):
    for name in ("a.CR2", "b.cr2", "c.heic"):
        (folder / "dog" / name).write_bytes(bytes(100))
    assert "3 of 7 images cannot be read (2 .cr2, 1 .heic; e.g. 'train/dog/a.CR2')" in refusal(folder)
    assert len(read_images(folder, SPEC.model_copy(update={"max_unreadable": 0.5}))) == 4
    assert "3 of 7 images cannot be read (2 .cr2, 1 .heic" in caplog.text


def test_links_back_cost_no_time(folder):
    for name in "ab":
        (folder / "cat" / name).symlink_to(".")
        (folder / "dog" / name).symlink_to("..")
    assert len(read(folder)) == 4
