import numpy as np
import pandas as pd
import pytest
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Value
from PIL import Image as PillowImage

from guided_imagination.api.images import read_images
from guided_imagination.api.settings import spec
from guided_imagination.config.datasets import DatasetSpec
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


@pytest.mark.parametrize(
    "array",
    [
        torch.from_numpy(PIXELS / 255).bfloat16(),
        list((torch.from_numpy(PIXELS) / 255).bfloat16().permute(0, 3, 1, 2)),
        torch.from_numpy(PIXELS / 255).half().requires_grad_(),
        (PIXELS / 255).astype(np.float16),
    ],
    ids=["bfloat16", "a list", "half", "numpy"],
)
def test_floats_of_16_bits_are_as_near_as_they_can_be(array):
    pixels, _ = to_tensors(read((array, [0, 0, 1, 1], NAMES)))
    assert np.abs(pixels.permute(0, 2, 3, 1).numpy().astype(int) - PIXELS).max() <= 1  # of 255; bfloat16 has 8 bits


PICTURES = [PillowImage.fromarray(pixels).resize((5 + row, 7)) for row, pixels in enumerate(PIXELS)]
LISTS = {
    "pillow": PICTURES,
    "a tuple": tuple(PICTURES),
    "arrays": [np.asarray(picture) for picture in PICTURES],
    "tensors": [torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255 for picture in PICTURES],
    "some of each": [PICTURES[0], np.asarray(PICTURES[1]), torch.from_numpy(np.array(PICTURES[2])), PICTURES[3]],
    "transparent": [picture.convert("RGBA") for picture in PICTURES],
    "a series": pd.Series(PICTURES),
    "objects": np.array([*PICTURES, None], dtype=object)[:-1],
}


@pytest.mark.parametrize("images", LISTS.values(), ids=LISTS)
def test_images_of_different_sizes_are_a_list(images):
    seeds = read((images, [0, 0, 1, 1], NAMES))
    assert [image.size for image in seeds["image"]] == [(5, 7), (6, 7), (7, 7), (8, 7)]
    for shown, picture in zip(seeds["image"], PICTURES, strict=True):
        assert np.array_equal(np.asarray(shown), np.asarray(picture))


def test_a_picture_in_memory_is_what_its_file_is(tmp_path):
    """Sixteen bits, a palette, and one that lies on its side as its camera was held."""
    turned = PillowImage.Exif()
    turned[0x0112] = 6  # by a quarter to the right
    pictures = {
        "a.png": PillowImage.fromarray(PIXELS[0, :, :, 0].astype(np.uint16) * 257),
        "b.png": PillowImage.fromarray(PIXELS[1]).convert("P"),
        "c.png": PillowImage.fromarray(PIXELS[2]),
        "d.png": PillowImage.fromarray(PIXELS[3, :, :, 0]),
    }
    for name, picture in pictures.items():
        place = tmp_path / ("cat" if name < "c" else "dog")
        place.mkdir(exist_ok=True)
        picture.save(place / name, exif=turned if name == "c.png" else None)
    opened = [PillowImage.open(tmp_path / ("cat" if name < "c" else "dog") / name) for name in pictures]
    expected, _ = to_tensors(read(tmp_path), 4)
    pixels, _ = to_tensors(read((opened, [0, 0, 1, 1], NAMES)), 4)
    assert torch.equal(pixels, expected)


ORDERED = {
    "array": np.array(NAMES),
    "array of objects": np.array(NAMES, dtype=object),
    "index": pd.Index(NAMES),
    "series": pd.Series(NAMES),
    "categorical": pd.Categorical(NAMES),
    "tuple": ("cat", "dog"),
    "numpy's texts": [np.str_("cat"), np.str_("dog")],
    "labels by name": {"dog": 1, "cat": 0},
    "names by label": {1: "dog", 0: "cat"},
    "numpy's labels": {"dog": np.int64(1), "cat": np.int64(0)},
    "series of labels": pd.Series({"dog": 1, "cat": 0}),
    "series by label": pd.Series(["dog", "cat"], index=[1, 0]),
}


@pytest.mark.parametrize("names", ORDERED.values(), ids=ORDERED)
def test_class_names_are_read_as_they_say(names):
    seeds = read((PIXELS, [0, 0, 1, 1], names))
    assert seeds.features["label"].names == ["cat", "dog"]
    assert {type(name) for name in seeds.features["label"].names} == {str}
    assert seeds["label"][:] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series([0, 0, 1, 1], index=[3, 2, 1, 0]),
        torch.tensor([0, 0, 1, 1]),
        [torch.tensor(0), torch.tensor(0), torch.tensor(1), torch.tensor(1)],
        np.array([0, 0, 1, 1], np.uint8),
        np.array([False, False, True, True]),
        pd.Series([0, 0, 1, 1], dtype="Int64"),
    ],
    ids=["series", "tensor", "tensors", "uint8", "bool", "nullable"],
)
def test_labels_of_any_kind_are_those_of_the_images_in_their_order(labels):
    assert read((PIXELS, labels, NAMES))["label"][:] == [0, 0, 1, 1]


def test_names_of_every_source_stay_as_they_are(folder):
    odd = ["001.Black_footed_Albatross", "a_c"]
    assert read((PIXELS, [0, 0, 1, 1], odd)).features["label"].names == odd
    data = read((PIXELS, [0, 0, 1, 1], NAMES)).cast_column("label", ClassLabel(names=odd))
    assert read(data).features["label"].names == odd
    for old, new in zip(NAMES, odd, strict=True):
        (folder / old).rename(folder / new)
    assert read(folder).features["label"].names == odd


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
    "either": ((np.zeros((4, 3, 9, 3), np.uint8), [0] * 4, NAMES), "could have channels first or last"),
    "none": ((PIXELS[:0], np.zeros(0, int), NAMES), "there are no images"),
    "integers": ((PIXELS.astype(np.int64), [0] * 4, NAMES), "int64; allowed: uint8, or floats in [0, 1]"),
    "bright": ((PIXELS.astype(np.float32), [0] * 4, NAMES), "allowed: 0 to 1, or uint8"),
    "no number": ((np.full((4, 6, 5, 3), np.nan), [0] * 4, NAMES), "floats from nan to nan"),
    "half a number": ((PIXELS, [0.0] * 4, NAMES), "labels are an array of float64; allowed: integers"),
    "too few labels": ((PIXELS, [0, 1], NAMES), "labels have the shape (2,), but there are 4 images"),
    "out of range": ((PIXELS, [0, 1, 2, 1], NAMES), "the label of 1 images is out of range, e.g. 2 of 'train/00002'"),
    "below zero": ((PIXELS, [0, 1, -1, 1], NAMES), "allowed: 0 to 1 (2 classes)"),
    "twice": (
        (PIXELS, [0, 1, 0, 1], ["cat", "cat"]),
        "the class name 'cat' occurs twice; allowed: a list",
    ),
    "a text": ((PIXELS, [0, 1, 0, 1], "ab"), "class names are of type str; allowed: a list of different names"),
    "a set": ((PIXELS, [0, 1, 0, 1], {"cat", "dog"}), "class names are of type set; allowed: a list"),
    "a frozen set": ((PIXELS, [0, 1, 0, 1], frozenset(NAMES)), "class names are of type frozenset"),
    "keys": ((PIXELS, [0, 1, 0, 1], {"dog": 1, "cat": 0}.keys()), "class names are of type dict_keys"),
    "a generator": ((PIXELS, [0, 1, 0, 1], (name for name in NAMES)), "class names are of type generator"),
    "nothing": ((PIXELS, [0, 1, 0, 1], None), "class names are of type NoneType"),
    "numbers as names": ((PIXELS, [0, 1, 0, 1], [0, 1]), "one of the class names is of type int"),
    "bytes as names": ((PIXELS, [0, 1, 0, 1], np.array([b"cat", b"dog"])), "one of the class names is of type bytes"),
    "names in a square": ((PIXELS, [0, 1, 0, 1], np.array([NAMES])), "class names are of type ndarray"),
    "a label left out": ((PIXELS, [0, 1, 0, 1], {"dog": 2, "cat": 0}), "none of the 2 class names has the label 1"),
    "a label twice": ((PIXELS, [0, 1, 0, 1], {"dog": 0, "cat": 0}), "labels from 0 to 1, each once"),
    "pairs of texts": ((PIXELS, [0, 1, 0, 1], {"0": "cat", "1": "dog"}), "must be pairs of a name and an integer"),
    "an index with gaps": ((PIXELS, [0, 1, 0, 1], pd.Series(NAMES, index=[0, 7])), "has the label 1"),
    "ragged labels": ((PIXELS, [[0], [0, 1], 1, 1], NAMES), "labels cannot be converted to an array"),
    "masked labels": ((PIXELS, np.ma.array([0, 1, 0, 1], mask=[0, 0, 0, 1]), NAMES), "labels: some values are masked"),
    "labels as text": ((PIXELS, ["cat", "cat", "dog", "dog"], NAMES), "labels are an array of <U3; allowed: integers"),
    "labels of 16 bits": ((PIXELS, torch.tensor([0, 1, 0, 1]).bfloat16(), NAMES), "labels are an array of float32"),
    "sparse": ((torch.from_numpy(PIXELS).to_sparse(), [0, 1, 0, 1], NAMES), "images cannot be converted to an array"),
    "without values": (
        (torch.from_numpy(PIXELS).to("meta"), [0, 1, 0, 1], NAMES),
        "images cannot be converted to an array",
    ),
    "structured": ((np.zeros(4, [("a", int)]), [0, 1, 0, 1], NAMES), "an array of shape (4,)"),
    "objects": ((PIXELS.astype(object), [0, 1, 0, 1], NAMES), "an array of object; allowed: uint8"),
    "ragged": (([[1], [1, 2]], [0, 1], NAMES), "images cannot be converted to an array"),
    "paths": ((["a.png"] * 4, [0, 1, 0, 1], NAMES), "an array of shape (4,)"),
    "one is none": (
        ([PIXELS[0], None], [0, 1], NAMES),
        "image 1: an array of shape (); allowed: (3, H, W) and (H, W, 3)",
    ),
    "one is grey": (([PIXELS[0], PIXELS[1, :, :, 0]], [0, 1], NAMES), "image 1: an array of shape (6, 5)"),
    "one is bright": (([PIXELS[0] / 255, PIXELS[1] / 2], [0, 1], NAMES), "image 1: floats from"),
    "few labels for a list": (([PillowImage.new("RGB", (2, 3))] * 3, [0, 1], NAMES), "labels have the shape (2,)"),
    "a picture of floats": (([PillowImage.new("F", (2, 3))] * 4, [0, 1, 0, 1], NAMES), "floating point numbers"),
    "dark 16 bits": (([PillowImage.new("I;16", (2, 3), 4095)] * 4, [0, 1, 0, 1], NAMES), "would be nearly black"),
    "no names": ((PIXELS, [0, 1, 0, 1], []), "there are no class names"),
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
    assert "pass one of its splits (train)" in refusal(DatasetDict(train=seeds))
    twice = seeds.remove_columns("id").add_column("id", ["a"] * 4)
    assert "ids must be unique" in refusal(twice)
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
    assert "has no images: expected one folder of images per class" in refusal(tmp_path_factory.mktemp("empty"))


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
