import pytest
from torchvision.datasets import Caltech101, OxfordIIITPet

from guided_imagination.config.datasets import DatasetSpec, FolderSource
from guided_imagination.data.sources import open_source
from guided_imagination.utils.errors import InputError
from helpers import fabricate
from helpers.fabricate import folders, put


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
    assert f"{tmp_path} has no images; needed: a folder for each class" in refusal(tmp_path)


def test_a_class_without_images_is_named(tmp_path):
    root = folders(tmp_path / "x", {"crow": 2, "owl": 0})
    assert refusal(root) == f"the class folder {root / 'owl'} has no image"


def test_parts_in_place_of_classes_are_recognised(tmp_path):
    folders(tmp_path / "x" / "train", {"crow": 2, "owl": 2})
    message = refusal(tmp_path / "x")
    assert f"the class folder {tmp_path / 'x' / 'train'} has no image" in message
    assert f"did you mean {tmp_path / 'x' / 'train'} (as path, or as test)?" in message


def test_a_class_that_only_the_test_folder_has_is_named(tmp_path):
    train, test = folders(tmp_path / "train", {"crow": 1}), folders(tmp_path / "test", {"crow": 1, "owl": 1})
    assert refusal(train, "test", test=str(test)) == f"{test} has the class 'owl', which {train} has not"


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
    assert f"put it into {tmp_path / 'raw'} (in torchvision's layout) by hand" in message


def test_a_file_that_could_be_an_image_is_missed_aloud(tmp_path, caplog):
    put(tmp_path / "crow" / "a.png")
    (tmp_path / "crow" / "b.psd").touch()
    opened(tmp_path).parts["train"]()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "1 files are no images of a class, e.g. crow/b.psd" in caplog.text


def test_validation_images_that_nothing_uses_are_refused(tmp_path):
    source = {"kind": "folder", "path": str(tmp_path), "val": str(tmp_path / "val")}
    with pytest.raises(ValueError, match=r"source.val is given, but neither seeds, validation nor test name it"):
        DatasetSpec(source=source)
    assert DatasetSpec(source=source, validation="val").validation == ["val"]
