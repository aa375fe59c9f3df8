import os
from pathlib import Path

import pytest
from torchvision.datasets import Caltech101, ImageFolder, OxfordIIITPet

from guided_imagination.config.datasets import DatasetSpec, FolderSource
from guided_imagination.data.sources import open_source
from guided_imagination.data.sources.walk import files_below
from guided_imagination.utils.errors import InputError
from helpers import fabricate
from helpers.fabricate import encoded, folders, picture, put, tiff


def opened(path, **settings):
    return open_source(FolderSource(kind="folder", path=str(path), **settings))


def refusal(path, part="train", **settings):
    with pytest.raises(InputError) as caught:
        opened(path, **settings).parts[part]()
    return str(caught.value)


def test_classes_and_images_are_in_the_order_of_their_names(tmp_path):
    source = opened(folders(tmp_path / "x", {"owl": 2, "Crow": 1, "crane": 1}))
    part = source.parts["train"]()
    assert source.classes == ["Crow", "crane", "owl"]
    assert part.ids == ["train/Crow/0000.png", "train/crane/0000.png", "train/owl/0000.png", "train/owl/0001.png"]
    assert part.labels.tolist() == [0, 1, 2, 2]


def test_other_files_hidden_ones_and_deeper_folders_are_no_images(tmp_path):
    root = folders(tmp_path / "x", {"owl": 1})
    for file in ("owl/notes.txt", "owl/Thumbs.db", "owl/._0000.png", "readme.png", ".cache/a.png", "owl/deep/b.png"):
        put(root / file) if file.endswith("png") else (root / file).touch()
    assert opened(root).parts["train"]().ids == ["train/owl/0000.png"]


@pytest.mark.parametrize("suffix", ["JPG", "jpeg", "png", "WEBP", "tiff", "bmp", "gif"])
def test_images_of_these_kinds_are_found(tmp_path, suffix):
    assert len(opened(folders(tmp_path / "x", {"owl": 2}, suffix)).parts["train"]().ids) == 2


def test_a_linked_class_folder_is_followed(tmp_path):
    folders(tmp_path / "elsewhere", {"owl": 2})
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "owl").symlink_to(tmp_path / "elsewhere" / "owl")
    assert opened(tmp_path / "x").parts["train"]().ids == ["train/owl/0000.png", "train/owl/0001.png"]


def test_accents_give_one_id_however_the_file_system_writes_them(tmp_path):
    composed, decomposed = "Bl\u00e5mes", "Bla\u030ames"
    (first,) = opened(folders(tmp_path / "a", {composed: 1})).parts["train"]().ids
    (second,) = opened(folders(tmp_path / "b", {decomposed: 1})).parts["train"]().ids
    assert first == second


def test_the_class_may_be_part_of_the_file_name(tmp_path):
    for name in ("great_owl_1.jpg", "great_owl_12.jpg", "crow_3.jpg", "notes.txt", "list.jpg"):
        (tmp_path / name).touch()
    source = opened(tmp_path, class_pattern=r"(.+)_\d+\.jpg")
    assert source.classes == ["crow", "great_owl"]
    assert source.parts["train"]().labels.tolist() == [0, 1, 1]


def test_a_missing_folder_is_named(tmp_path):
    assert f"{tmp_path / 'x'} is not a folder" in refusal(tmp_path / "x")


def test_an_empty_folder_is_named(tmp_path):
    assert f"{tmp_path} has no images: expected one folder of images per class" in refusal(tmp_path)


def test_a_class_without_images_is_named(tmp_path):
    root = folders(tmp_path / "x", {"crow": 2, "owl": 0})
    assert refusal(root) == f"the class folder {root / 'owl'} has no image"


def test_parts_in_place_of_classes_are_recognised(tmp_path):
    folders(tmp_path / "x" / "train", {"crow": 2, "owl": 2})
    message = refusal(tmp_path / "x")
    assert f"the class folder {tmp_path / 'x' / 'train'} has no image" in message
    assert f"did you mean {tmp_path / 'x' / 'train'}?" in message


def test_a_class_that_only_the_test_folder_has_is_named(tmp_path):
    train, test = folders(tmp_path / "train", {"crow": 1}), folders(tmp_path / "test", {"crow": 1, "owl": 1})
    assert refusal(train, "test", test=str(test)) == f"{test} has the class 'owl', which is not in {train}"


def test_a_test_folder_may_lack_a_class(tmp_path):
    train, test = folders(tmp_path / "train", {"crow": 1, "owl": 1}), folders(tmp_path / "test", {"owl": 2})
    assert opened(train, test=str(test)).parts["test"]().labels.tolist() == [1, 1]


@pytest.mark.parametrize("background", [True, False])
def test_an_absent_folder_is_downloaded_by_torchvision(tmp_path, monkeypatch, background):
    def download(self):
        fabricate.caltech101(tmp_path)
        if not background:  # torchvision's class stumbles over that after it has unpacked everything
            folder = tmp_path / "caltech101" / "101_ObjectCategories" / "BACKGROUND_Google"
            folder.rename(folder.with_name("background"))

    monkeypatch.setattr(Caltech101, "download", download)
    path = tmp_path / "caltech101" / "101_ObjectCategories"
    source = opened(path, download={"name": "Caltech101", "root": str(tmp_path)})
    assert len(source.classes) == 4


def test_a_folder_that_is_there_needs_no_download(tmp_path, monkeypatch):
    monkeypatch.setattr(Caltech101, "__init__", None)
    fabricate.caltech101(tmp_path)
    path = tmp_path / "caltech101" / "101_ObjectCategories"
    assert len(opened(path, download={"name": "Caltech101", "root": str(tmp_path)}).classes) == 4


def test_without_a_network_the_folder_to_fill_by_hand_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", [("http://127.0.0.1:9/images.tar.gz", None)])
    message = refusal(tmp_path / "images", download={"name": "OxfordIIITPet", "root": str(tmp_path / "raw")})
    assert "OxfordIIITPet cannot be downloaded from https://www.robots.ox.ac.uk/~vgg/data/pets/" in message
    assert f"place it in {tmp_path / 'raw'} (in torchvision's layout) manually" in message


@pytest.mark.parametrize("name", ["b.png", "b.heic", "b.nef"])
def test_a_file_that_could_be_an_image_is_missed_aloud(tmp_path, caplog, name):
    put(tmp_path / "crow" / "a.png")
    (tmp_path / name).touch()
    opened(tmp_path).parts["train"]()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"1 files are no images of a class, e.g. {name}" in caplog.text


def test_validation_images_that_nothing_uses_are_refused(tmp_path):
    source = {"kind": "folder", "path": str(tmp_path), "val": str(tmp_path / "val")}
    with pytest.raises(ValueError, match=r"source.val is given, but neither seeds, validation nor test name it"):
        DatasetSpec(source=source)
    assert DatasetSpec(source=source, validation="val").validation == ["val"]


@pytest.mark.parametrize("name", ["a.dat", "photo", "scan.jpg_large", "a.txt", "a.psd", "a.heic"])
def test_what_pillow_opens_is_an_image_whatever_its_name(tmp_path, name):
    put(tmp_path / "crow" / "a.png")
    (tmp_path / "crow" / name).write_bytes(encoded(picture(name), "JPEG"))
    part = opened(tmp_path).parts["train"]()
    assert sorted(part.ids) == sorted(["train/crow/a.png", f"train/crow/{name}"])
    assert part.unread == {}


PLAIN = ["notes.txt", "a.json", "a.csv", "a.xml", "a.md", "a.py", "README", "a.yml", "film.mov", "Thumbs.db", "a.zip"]


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_plainly_no_image_is_passed_by_quietly(tmp_path, caplog, name):
    caplog.set_level("INFO")
    put(tmp_path / "crow" / "a.png")
    binary = name in ("film.mov", "Thumbs.db", "a.zip")
    (tmp_path / "crow" / name).write_bytes(bytes(range(256)) if binary else b"words\n")
    part = opened(tmp_path).parts["train"]()
    assert (part.ids, part.unread) == (["train/crow/a.png"], {})
    assert [record.levelname for record in caplog.records] == ["INFO"]


TIFF_OF_A_THUMBNAIL = tiff(2, bytes(2), bits=8, t254=1)  # as DNG and NEF begin


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.heic", b"\0\0\0\x18ftypheic\0\0\0\0"),
        ("a.CR2", b"II*\0\x10\0\0\0CR\2\0"),
        ("a.nef", tiff(2, bytes(2), bits=8)),
        ("a.dng", TIFF_OF_A_THUMBNAIL),
        ("photo", TIFF_OF_A_THUMBNAIL),
        ("photo", bytes(range(256))),
        ("a.xyz", bytes(range(256))),
        ("a.svg", b"<svg></svg>"),
    ],
)
def test_photographs_that_nothing_reads_are_counted(tmp_path, name, content):
    put(tmp_path / "crow" / "a.png")
    (tmp_path / "crow" / name).write_bytes(content)
    assert list(opened(tmp_path).parts["train"]().unread) == [f"train/crow/{name}"]


@pytest.mark.parametrize("target", [".", "..", "../../..", "../crow"])
def test_links_back_are_not_followed(tmp_path, target):
    root = folders(tmp_path / "x", {"crow": 2, "owl": 1})
    for name in "ab":
        (root / "crow" / name).symlink_to(target)
    files = [path for path, _ in files_below(root)]
    assert sorted(files) == ["crow/0000.png", "crow/0001.png", "owl/0000.png"]


def test_folders_that_all_link_to_each_other_are_refused_in_time(tmp_path):
    names = [f"c{number}" for number in range(12)]
    folders(tmp_path, dict.fromkeys(names, 1))
    for name in names:
        for other in names:
            (tmp_path / name / other).symlink_to(f"../{other}")
    assert "more than 100 paths lead to the folder" in refusal(tmp_path)


def test_two_classes_may_be_links_to_one_folder(tmp_path):
    folders(tmp_path / "elsewhere", {"birds": 2})
    (tmp_path / "x").mkdir()
    for name in ("crow", "owl"):
        (tmp_path / "x" / name).symlink_to("../elsewhere/birds")
    assert opened(tmp_path / "x").parts["train"]().labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
@pytest.mark.parametrize("lost", ["", "owl"])
def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch, error, lost):
    root, scandir = folders(tmp_path / "x", {"crow": 2, "owl": 2}), os.scandir

    def failing(folder):
        if Path(folder) == root / lost:
            raise error
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", failing)
    assert refusal(root).startswith(f"the folder or link {root / lost} cannot be read ({error.strerror})")


def test_a_class_that_is_a_link_to_nowhere_is_named(tmp_path):
    root = folders(tmp_path / "x", {"crow": 2})
    (root / "owl").symlink_to(tmp_path / "unmounted")
    assert f"{root / 'owl'} is a broken link" in refusal(root)
    root.joinpath("owl").unlink()
    test = folders(tmp_path / "test", {"crow": 1})
    (test / "owl").symlink_to(tmp_path / "unmounted")
    assert f"{test / 'owl'} is a broken link" in refusal(root, "test", test=str(test))


@pytest.mark.parametrize(("name", "shown"), [(b"caf\xe9.png", r"crow/caf\xe9.png'"), (b"caf\xe9", r"x/caf\xe9'")])
def test_a_name_that_is_not_utf8_is_named(tmp_path, name, shown):
    root = folders(tmp_path / "x", {"crow": 1})
    if name.endswith(b".png"):
        Path(root / "crow" / os.fsdecode(name)).touch()
    else:
        folders(root, {os.fsdecode(name): 1})
    sentence = refusal(root)
    assert shown in sentence
    assert sentence.endswith("is not UTF-8: rename it")


def test_a_class_has_the_name_of_its_folder_however_accents_are_written(tmp_path):
    """In the order of ImageFolder; another part may write them otherwise."""
    train = folders(tmp_path / "train", {"cafz": 1, "cafe\u0301": 2})
    test = folders(tmp_path / "test", {"caf\u00e9": 1})
    source = opened(train, test=str(test))
    assert source.classes == ImageFolder(str(train)).classes == ["cafe\u0301", "cafz"]
    assert source.parts["train"]().labels.tolist() == [1, 0, 0]  # by ids, which are the same on every machine
    assert source.parts["test"]().labels.tolist() == [0]
