"""What is saved under data/ is replaced whole: no reader and no kill finds a part of it."""

import os
import shutil
import time

import pandas as pd
import pytest
from datasets import Dataset
from kedro.io import DatasetError
from matplotlib.figure import Figure

from guided_imagination.data import dataset as library
from guided_imagination.data.dataset import checksum, write
from guided_imagination.datasets.figure import FigureDataset
from guided_imagination.datasets.files import CSVDataset, JSONDataset, TextDataset
from guided_imagination.datasets.images import ImagesDataset
from guided_imagination.utils.errors import InputError
from helpers.disks import files_of_at_most
from helpers.fabricate import encoded, picture
from helpers.processes import ended, fork


def images(name: str, count: int = 6) -> Dataset:
    samples = ((f"{name}/{row}", encoded(picture(name, row, size=(60, 60))), row % 2) for row in range(count))
    return write(samples, ["crow", "owl"])


def at(folder) -> ImagesDataset:
    return ImagesDataset(path=str(folder), save_args={"num_shards": 1})


def test_what_another_process_has_mapped_stays_as_it_was(tmp_path):
    folder = at(tmp_path / "seeds")
    folder.save(images("old", 30))
    (ready, go), (answer, told) = os.pipe(), os.pipe()

    def reader():
        loaded = at(tmp_path / "seeds").load()
        os.write(go, b".")
        os.read(answer, 1)
        assert loaded["id"][29] == "old/29"
        assert loaded[29]["image"].tobytes() == picture("old", 29, size=(60, 60)).tobytes()

    process = fork(reader)
    os.read(ready, 1)
    folder.save(images("new", 2))
    os.write(told, b".")
    assert ended(process) == 0
    assert list(folder.load()["id"]) == ["new/0", "new/1"]
    assert [path.name for path in tmp_path.iterdir()] == ["seeds"]


def test_two_processes_that_save_and_load_at_once_see_whole_splits(tmp_path):
    splits = [images(name, count) for name, count in (("a", 3), ("b", 40))]
    sums = {checksum(split) for split in splits}
    at(tmp_path / "seeds").save(splits[0])

    def run(split):
        for _ in range(15):
            at(tmp_path / "seeds").save(split)
            assert library._read_checksum(at(tmp_path / "seeds").load()) in sums

    processes = [fork(lambda split=split: run(split)) for split in splits]
    assert [ended(process) for process in processes] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["seeds"]


def test_a_split_on_a_full_disk_is_the_users_to_mend_and_the_old_one_stays(tmp_path):
    at(tmp_path / "seeds").save(images("old", 1))
    new = images("new", 30)
    with pytest.raises(DatasetError) as caught, files_of_at_most(50_000):
        at(tmp_path / "seeds").save(new)
    assert isinstance(caught.value.__cause__, InputError)
    assert f"{tmp_path} is out of space" in str(caught.value.__cause__)
    assert list(at(tmp_path / "seeds").load()["id"]) == ["old/0"]


@pytest.fixture
def counted(monkeypatch):
    """How often a dataset was read for its checksum."""
    read, whole = [], library._read_checksum
    monkeypatch.setattr(library, "_read_checksum", lambda dataset: read.append(1) or whole(dataset))
    return read


def test_a_saved_split_is_not_read_for_its_checksum(tmp_path, counted):
    made = images("a")
    at(tmp_path / "seeds").save(made)
    assert checksum(at(tmp_path / "seeds").load()) == checksum(made)
    assert counted == []
    assert library._read_checksum(made) == checksum(made)


def test_what_is_not_the_whole_split_as_it_was_saved_is_read(tmp_path, counted):
    at(tmp_path / "seeds").save(images("a"))
    loaded = at(tmp_path / "seeds").load()
    others = [
        loaded.select(range(5)),
        loaded.select([1, 0, 2, 3, 4, 5]),
        loaded.remove_columns("label").add_column("label", [1, 0, 1, 0, 1, 0]),
    ]
    assert len({checksum(other) for other in [loaded, *others]}) == 4
    assert len(counted) == 3


def test_changed_files_are_read_again(tmp_path, counted):
    at(tmp_path / "seeds").save(images("a"))
    before = checksum(at(tmp_path / "seeds").load())
    (file,) = (tmp_path / "seeds").glob("*.arrow")
    content = file.read_bytes()
    place = content.index(b"a/5")
    file.write_bytes(content[:place] + b"z" + content[place + 1 :])
    assert checksum(at(tmp_path / "seeds").load()) != before
    assert counted == [1]


def test_a_copy_with_its_times_is_known_and_one_without_is_read(tmp_path, counted):
    at(tmp_path / "seeds").save(images("a"))
    before = checksum(at(tmp_path / "seeds").load())
    shutil.copytree(tmp_path / "seeds", tmp_path / "kept")
    assert checksum(at(tmp_path / "kept").load()) == before
    assert counted == []
    time.sleep(0.01)
    shutil.copytree(tmp_path / "seeds", tmp_path / "copy", copy_function=shutil.copyfile)
    assert checksum(at(tmp_path / "copy").load()) == before
    assert counted == [1]


def figure(title):
    made = Figure(figsize=(1, 1))
    made.suptitle(title)
    return made


@pytest.mark.parametrize(
    ("kind", "name", "old", "new"),
    [
        (JSONDataset, "x.json", {"a": 1}, {"b": [2] * 5000}),
        (CSVDataset, "x.csv", pd.DataFrame({"a": [1]}), pd.DataFrame({"a": range(5000)})),
        (TextDataset, "x.md", "old", "new" * 5000),
        (FigureDataset, "x.png", figure("old"), figure("new")),
    ],
)
def test_files_are_replaced_whole(tmp_path, kind, name, old, new):
    made = kind(filepath=str(tmp_path / "folder" / name))
    made.save(old)
    path = tmp_path / "folder" / name
    with path.open("rb") as reader:
        before = path.read_bytes()
        with pytest.raises(DatasetError) as caught, files_of_at_most(200):
            made.save(new)
        assert isinstance(caught.value.__cause__, InputError)
        assert path.read_bytes() == before
        made.save(new)
        assert reader.read() == before, "written in place"
    assert path.read_bytes() != before
    assert made.load() is not None
    assert list(path.parent.iterdir()) == [path]
