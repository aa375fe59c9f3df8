import io
from pathlib import Path

import numpy as np
import pytest
import yaml
from datasets import ClassLabel, load_dataset
from huggingface_hub import DatasetCard
from PIL import Image
from torchvision.datasets import ImageFolder

from guided_imagination.data.dataset import write
from guided_imagination.data.images import decode
from guided_imagination.expansion.dataset_card import dataset_card, model_licence, size_category
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.export import (
    class_folders,
    safe_name,
    shared_manifest,
    splits,
    write_image_folder,
    write_shards,
)
from guided_imagination.expansion.store import Expansion
from guided_imagination.utils.files import replacing_folder
from helpers.names import ODD
from helpers.reading import Read
from helpers.toy import SIDE, ToyAugmenter, dataset, plan

NAMES = ["T-shirt/top", "Ankle boot"]


@pytest.fixture
def seeds():
    return dataset([0, 1, 0, 1], NAMES)


@pytest.fixture
def expanded(seeds, tmp_path):
    expand(tmp_path / "made", plan(ToyAugmenter(), seeds=seeds))
    return Expansion(tmp_path / "made")


@pytest.fixture
def parts(seeds, expanded):
    return splits(seeds, expanded, dataset([1, 0, 1], NAMES))


def check_rows(loaded, expanded):
    """Four seeds and their eight variants, then three test images."""
    train, test = loaded["train"], loaded["test"]
    assert isinstance(train.features["label"], ClassLabel)
    assert train.features["label"].names == NAMES
    assert train["generated"] == [False] * 4 + [True] * 8
    assert train["id"][:5] == ["0", "1", "2", "3", "0~toy~0"]
    assert train["label"] == [0, 1, 0, 1] + [0, 0, 1, 1] * 2
    assert train["seed_id"][:4] == [None] * 4
    assert train["attempt"][4:] == [0] * 8
    assert test["label"] == [1, 0, 1]
    made = list(expanded.stream())
    assert all(shown.tobytes() == row["image"].tobytes() for shown, row in zip(train["image"][4:], made, strict=True))


def test_datasets_and_torchvision_read_the_image_folder(parts, expanded, tmp_path):
    rows = write_image_folder(tmp_path / "out", parts, NAMES)
    assert rows == {"train": 12, "test": 3}
    loaded = load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    check_rows(loaded, expanded)

    folder = ImageFolder(str(tmp_path / "out" / "train"))
    assert folder.classes == ["Ankle boot", "T-shirt_top"]
    assert sorted(label for _, label in folder) == [0] * 6 + [1] * 6
    assert folder[0][0].size == (SIDE, SIDE)
    assert (tmp_path / "out/train/T-shirt_top/2~toy~1.png").exists()


def test_datasets_reads_the_hub_folder(parts, expanded, tmp_path):
    out = tmp_path / "out"
    rows = write_shards(out, parts)
    licences = {"seeds": "MIT", "generator": "apache-2.0"}
    (out / "README.md").write_text(dataset_card("toys", "gif", rows, expanded.manifest, licences, NAMES))
    assert rows == {"train": 12, "test": 3}
    check_rows(load_dataset(str(out), cache_dir=str(tmp_path / "cache")), expanded)
    # the seeds, then the two shards of the expansion
    assert sorted(path.name for path in (out / "data").iterdir()) == [
        "test-00000-of-00001.parquet",
        *(f"train-{shard:05d}-of-00003.parquet" for shard in range(3)),
    ]


def test_without_test_images_there_is_one_split(seeds, expanded, tmp_path):
    assert write_shards(tmp_path / "out", splits(seeds, expanded, None)) == {"train": 12}


def test_files_keep_their_bytes_and_name_their_format(tmp_path, seeds, expanded):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (3, 2)).save(path)
    rows = [
        {**row, "image": {"bytes": path.read_bytes(), "path": "photo.jpg"}}
        for row in seeds.with_format("arrow").to_list()
    ]
    photos = type(seeds).from_list(rows, features=seeds.features)
    write_image_folder(tmp_path / "out", splits(photos, expanded, None), NAMES)
    assert (tmp_path / "out/train/Ankle boot/1.jpeg").read_bytes() == path.read_bytes()


def exported(content, seeds, expanded, folder):
    """The files of the seeds if `content` is the image of each, as ImageFolder finds them."""
    rows = [{**row, "image": {"bytes": content, "path": None}} for row in seeds.with_format("arrow").to_list()]
    write_image_folder(folder, splits(type(seeds).from_list(rows, features=seeds.features), expanded, None), NAMES)
    return [Path(path) for path, _ in ImageFolder(str(folder / "train")).samples if "~" not in Path(path).name]


def test_a_photo_with_further_pictures_is_a_jpeg_of_the_same_bytes(seeds, expanded, tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (4, 4))])
    assert Image.open(file).format == "MPO"
    found = exported(file.getvalue(), seeds, expanded, tmp_path / "out")
    assert sorted(path.name for path in found) == ["0.jpeg", "1.jpeg", "2.jpeg", "3.jpeg"]
    assert found[0].read_bytes() == file.getvalue()


def test_kinds_that_image_folders_skip_become_png_without_loss(seeds, expanded, tmp_path):
    file = io.BytesIO()
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    image.save(file, "GIF")
    found = exported(file.getvalue(), seeds, expanded, tmp_path / "out")
    assert sorted(path.name for path in found) == ["0.png", "1.png", "2.png", "3.png"]
    with Image.open(found[0]) as image:
        assert list(image.getdata()) == [(10, 20, 30), (40, 50, 60)]


def test_long_names_of_any_script_fit_into_a_file_system(tmp_path):
    taken = set()
    first, second = (safe_name("\u6f22" * 100 + end, taken) for end in "ab")
    assert first == "\u6f22" * 33  # of three bytes each, and no half of one
    assert second != first
    for name in (first, second):
        (tmp_path / f"{name}.jpeg").touch()


def test_the_card_says_what_made_it(expanded):
    manifest = expanded.manifest
    manifest["fingerprint"] |= imagined("unclip", {"guide": "openai/clip"})
    card = dataset_card("toys", "gif", {"train": 12, "test": 3}, manifest, {"seeds": "MIT", "generator": "x"}, NAMES)
    _, header, text = card.split("---\n", 2)
    header = yaml.safe_load(header)
    assert header["license"] == ["mit", "x"]
    assert header["task_categories"] == ["image-classification"]
    assert header["size_categories"] == ["n<1K"]
    assert header["configs"][0]["data_files"][0] == {"split": "train", "path": "data/train-*.parquet"}
    assert "4 real seed images and 8 images made of them" in text
    assert "`unclip`" in text
    assert "`openai/clip`" in text
    assert "2 new images per seed image" in text
    assert "T-shirt/top, Ankle boot" in text


def test_the_card_says_how_many_were_weeded(expanded):
    card = dataset_card("toys", "gif", {"train": 10}, expanded.manifest, {"seeds": "MIT"}, NAMES, weeded=2)
    assert "4 real seed images and 6 images made of them" in card
    assert "of 8, someone has looked and weeded 2" in card
    assert "Of the kept ones, weeded by eye: 2." in card
    whole = dataset_card("toys", "gif", {"train": 12}, expanded.manifest, {"seeds": "MIT"}, NAMES)
    assert "nobody has checked it by eye" in whole
    assert "weeded" not in whole


def test_one_licence_for_all_is_written_once(expanded):
    card = dataset_card("toys", "gif", {"train": 12}, expanded.manifest, {"seeds": "MIT", "generator": "mit"}, NAMES)
    assert "license: mit\n" in card


def test_a_models_own_card_comes_before_what_a_preset_states(tmp_path):
    assert model_licence("org/model", tmp_path, "apache-2.0") == "apache-2.0"
    assert model_licence("org/other", tmp_path, None) is None
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# A model\n")
    assert model_licence(str(tmp_path), tmp_path / "hub", "apache-2.0") == "mit"
    (tmp_path / "hub/org/model").mkdir(parents=True)
    (tmp_path / "hub/org/model/README.md").write_text("---\nlicense: cc0-1.0\n---\n")
    assert model_licence("org/model", tmp_path / "hub", None) == "cc0-1.0"


def card_of(expanded, licences, **made):
    manifest = expanded.manifest
    manifest["fingerprint"] |= made
    return dataset_card("toys", "gif", {"train": 12}, manifest, licences, NAMES)


def test_a_licence_that_nobody_states_is_not_stated(expanded):
    card = card_of(expanded, {"seeds": None, "generator": "creativeml-openrail-m"})
    assert yaml.safe_load(card.split("---\n")[1])["license"] == ["unknown", "creativeml-openrail-m"]
    assert "- **Licence of the seeds**: not stated\n- **Licence of the generator**: creativeml-openrail-m" in card


def test_the_card_says_that_images_are_synthetic_and_that_each_file_says_so(expanded):
    card = card_of(expanded, {"seeds": "mit"})
    assert "tags:\n- synthetic\n" in card
    assert "**The 8 made images are synthetic**, no photographs." in card
    assert "IPTC's `DigitalSourceType` is `trainedAlgorithmicMedia`" in card


def imagined(kind, inputs=(), **guidance):
    """What the fingerprint of an expansion by a generator has of it."""
    settings = {"generator": {"kind": kind}, "guidance": guidance}
    return {"settings": settings, "inputs": {"generator": kind, **dict(inputs)}}


HOW = {
    "stable_diffusion": (imagined("stable_diffusion", steps=1), "Stable Diffusion painted over the seed image"),
    "ascent": (imagined("mae", steps=1), "What was decoded was moved by gradient ascent on what the guide sees."),
    "selection": (imagined("unclip", steps=0, selection={"by": "greedy"}), "was selected among candidates by the"),
    "neither": (imagined("unclip", steps=0, selection=None), "near that of the seed image. Nothing guided it."),
    "tuned": (imagined("mae", {"adapted weights": "abc"}), "after it was fine-tuned on the seed images"),
}


@pytest.mark.parametrize(("made", "words"), HOW.values(), ids=HOW)
def test_the_card_says_how_the_images_were_made(expanded, made, words):
    assert words in card_of(expanded, {"seeds": "mit"}, **made)


def test_a_card_of_a_classical_augmentation_claims_no_network(expanded):
    card = card_of(expanded, {"seeds": "mit"}, digital_source="algorithmicallyEnhanced")
    assert "The classical augmentation `gif` altered the seed images; no network made them." in card
    assert "`algorithmicallyEnhanced`" in card


def test_the_card_says_which_filters_ran_and_that_none_was_for_safety(expanded):
    checks = expanded.manifest["fingerprint"]["filter"]
    card = card_of(expanded, {"seeds": "mit"}, filter=checks | {"max_seed_similarity": 0.97})
    assert "- The guide has to see the class of the seed in an image.\n" in card  # RejectConfig's default
    assert "their CLIP cosine is at most 0.97" in card
    assert "Of 8 drawn images refused: 0 lost class, 0 near copy; kept 8." in card
    assert "probability" not in card.split("## Filters")[1].split("## Provenance")[0]
    assert "- No safety filter has looked at them.\n" in card
    none = card_of(expanded, {"seeds": "mit"}, filter=checks | {"other_class": False})
    assert "- None asked for a class or a difference: kept 8.\n- No safety filter has looked at them.\n" in none


def test_a_shared_manifest_tells_no_place_on_this_machine(expanded):
    manifest = expanded.manifest
    manifest["found"] |= {"models": {"generator": "/home/me/models/mae"}, "settings": {"ratio": 2}}
    shared = shared_manifest(manifest)
    assert "/home/me" not in str(shared)
    assert shared["found"]["settings"] == {"ratio": 2}
    assert shared["shards"] == manifest["shards"]


def test_sizes_are_the_hubs():
    assert [size_category(rows) for rows in (999, 1000, 99_999, 2_000_000)] == [
        "n<1K",
        "1K<n<10K",
        "10K<n<100K",
        "1M<n<10M",
    ]


def test_names_are_safe_and_differ():
    taken = set()
    names = ["a/b", "a b", "A_B", "../x", "...", "é", "x" * 300]
    safe = [safe_name(name, taken) for name in names]
    assert safe[0] == "a_b"
    assert safe[3:6] == ["x", "_", "é"]
    assert len({name.casefold() for name in safe}) == len(names)
    assert all("/" not in name and " " not in name and len(name) < 130 for name in safe)


def test_a_killed_export_is_replaced_by_the_next(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt), replacing_folder(target) as folder:
        (folder / "half").touch()
        raise KeyboardInterrupt
    assert not target.exists()
    for content in ("old", "new"):
        with replacing_folder(target) as folder:
            (folder / content).touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def turned(mode="RGB", **options):
    """A picture whose upper left pixel is red, as a file."""
    image = Image.new(mode, (4, 6), "white")
    image.putpixel((0, 0), (255, 0, 0) if mode == "RGB" else (255, 0, 0, 0))
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def test_readers_of_an_image_folder_see_what_the_project_saw(expanded, tmp_path):
    """A photograph that lies on its side in the file, and what is behind transparency."""
    rotated = Image.Exif()
    rotated[0x0112] = 6  # by a quarter to the right
    plain = [turned(format="BMP"), turned(format="PNG")]
    files = [turned(format="PNG", exif=rotated), turned("RGBA", format="PNG"), *plain]
    own = write(((str(row), content, row % 2) for row, content in enumerate(files)), NAMES)
    write_image_folder(tmp_path / "out", splits(own, expanded, None), NAMES)
    for row, content in enumerate(files):
        (path,) = (tmp_path / "out/train").glob(f"*/{row}.*")
        shown = np.array(Image.open(path).convert("RGB"))
        assert np.array_equal(shown, np.array(decode(content)))
    passed = [path.read_bytes() for path in (tmp_path / "out/train").rglob("[23].*")]
    assert sorted(passed) == sorted(plain), "what readers show right is passed on as it is"


def test_a_shared_manifest_tells_no_place_of_the_settings_either(expanded):
    manifest = expanded.manifest
    manifest["found"]["settings"] = {
        "dataset_specs": {
            "birds": {"source": {"path": "/home/alice/clinic/birds", "train": ["/home/alice/a.parquet"]}}
        },
        "generators": {"mae": {"model": "facebook/vit-mae-base"}},
    }
    shared = shared_manifest(manifest)
    assert "alice" not in str(shared)
    assert shared["found"]["settings"]["generators"]["mae"]["model"] == "facebook/vit-mae-base"
    assert shared["found"]["settings"]["dataset_specs"]["birds"]["source"]["path"] == "birds"


def test_class_folders_have_the_names_that_were_handed_over(seeds, expanded, tmp_path):
    """A space sorts before an underscore: written as one, the two would change places."""
    names = ["a b", "a_c"]
    own = seeds.cast_column("label", ClassLabel(names=names))
    write_image_folder(tmp_path / "out", splits(own, expanded, None), names)
    assert ImageFolder(str(tmp_path / "out/train")).class_to_idx == {"a b": 0, "a_c": 1}
    loaded = load_dataset("imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))["train"]
    assert loaded.features["label"].names == names
    assert loaded["label"] == [0, 1, 0, 1] + [0, 0, 1, 1] * 2


def test_all_that_a_file_system_can_hold_is_verbatim(tmp_path, caplog):
    names = [
        "\u00e9t\u00e9",
        "e\u0301te\u0301",
        "\u6f22\u5b57",
        "a[b]*?",
        "100%",
        "c:d",
        "end ",
        "-x",
        "_",
        "x" * 255,
        "Cat",
        "cat",
    ]
    assert class_folders(tmp_path, names) == names
    assert caplog.text == ""
    assert list(tmp_path.iterdir()) == []


def test_names_that_no_folder_can_have_are_replaced_and_named(tmp_path, caplog):
    names = ["T-shirt_top", "T-shirt/top", ".", "..", "", ".hidden", "\0", "metadata.parquet", "x" * 256, "T-shirt"]
    made = class_folders(tmp_path, names)
    for folder in made:
        (tmp_path / folder).mkdir()
        assert not folder.startswith(".")
    assert len(set(made)) == len(names)
    assert [made[0], made[-1]] == ["T-shirt_top", "T-shirt"]
    assert made[1].startswith("T-shirt_top-")
    assert "metadata.parquet" not in made
    assert "the class 'T-shirt/top': its images are in the folder 'T-shirt_top-" in caplog.text


def test_names_that_differ_in_case_alone_have_two_folders_where_the_system_knows_none(tmp_path, monkeypatch):
    """As on macOS and Windows."""
    make = Path.mkdir

    def mkdir(path, *arguments, **options):
        if path.parent.is_dir() and path.name.casefold() in {other.name.casefold() for other in path.parent.iterdir()}:
            raise FileExistsError(path)
        make(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    first, second = class_folders(tmp_path, ["Cat", "cat"])
    assert first == "Cat"
    assert second.startswith("cat-")


def test_the_card_has_the_words_beside_the_names(expanded):
    manifest = expanded.manifest
    card = dataset_card("toys", "gif", {"train": 12}, manifest, {"seeds": None}, ["001.a_b", "dog"])
    assert "CLIP was told" not in card
    manifest["fingerprint"]["settings"]["guide"] = {"words": ["a b", "dog"]}
    card = dataset_card("toys", "gif", {"train": 12}, manifest, {"seeds": None}, ["001.a_b", "dog"])
    assert "classes: 001.a_b, dog. CLIP was told, in the same order: a b, dog." in card


def test_names_of_any_kind_are_read_from_the_card_as_they_are(expanded):
    for name in [*ODD, "x\n---\ny", "true", "1e3", "\u732b", "---", "'", "a # b", "- [x"]:
        manifest = expanded.manifest
        manifest["fingerprint"] |= imagined("unclip", {"generator": name, "guide": name})
        card = dataset_card(name, name, {"train": 12}, manifest, {"seeds": name}, ODD)
        line = " ".join(name.split())
        loaded = DatasetCard(card)
        header = loaded.data
        assert header.tags == ["synthetic", "guided-imagination", name]
        assert header.pretty_name == f"{name}, expanded by {name}"
        assert header.license == name.lower()
        read = Read(loaded.text)
        assert read.lines[0] == f"{line}, expanded by {line}"
        assert read.lines[1].endswith(f"{len(ODD)} classes: {', '.join(ODD)}.")
        for item in (f"Generator: {line}", f"Guide: {line}", f"Licence of the seeds: {line}"):
            assert item in read.lines
