"""What an earlier ingest has made is used again, and never where it would be made otherwise now."""

import json
import os
import shutil
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.config.rows import DatasetSettings
from guided_imagination.data import ingestion, reuse
from guided_imagination.data.dataset import checksum
from guided_imagination.data.reuse import keys
from guided_imagination.datasets.images import ImagesDataset
from guided_imagination.pipelines import ingest as nodes
from helpers.cells import RECIPE
from helpers.fabricate import encoded, folders, picture, put
from helpers.settings import AUDIT, COMPUTE, TUNE, training

PARTS = ("seeds", "validation", "test")


@pytest.fixture
def decoded(monkeypatch):
    """Every image that is decoded."""
    contents, read = [], ingestion.read_image
    monkeypatch.setattr(ingestion, "read_image", lambda content: contents.append(content) or read(content))
    return contents


@pytest.fixture
def source(tmp_path):
    return folders(tmp_path / "birds", {"crow": 8, "owl": 7})


def spec_of(source, **changes):
    settings = {"seeds_per_class": 3, "validation_per_class": 1, "test": "rest", **changes}
    return DatasetSpec(source={"kind": "folder", "path": str(source)}, **settings)


def told(spec, draw):
    unused = {"training": training(), "tune": TUNE, "tune_recipe": RECIPE, **AUDIT}
    own = {"dataset": "birds", "spec": spec, "draw": draw, "seed": 0, "compute": COMPUTE, "models_dir": "models"}
    return DatasetSettings(**own, **unused)


def ingest(folder, spec, draw=0):
    """What the node gives, saved as the catalog does."""
    *splits, index, manifest = nodes.read(told(spec, draw), folder)
    for part, images in zip(PARTS, splits, strict=True):
        ImagesDataset(path=str(folder / part), save_args={"num_shards": 1}).save(images)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return [checksum(images) for images in splits], index, manifest


def files(folder):
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*.arrow")}


def test_nothing_is_decoded_or_written_if_nothing_has_changed(tmp_path, source, decoded):
    made = ingest(tmp_path / "made", spec_of(source))
    assert len(decoded) == 15
    before = files(tmp_path / "made")
    assert ingest(tmp_path / "made", spec_of(source)) == made
    assert len(decoded) == 15
    assert files(tmp_path / "made") == before


def test_settings_of_later_steps_change_no_split(tmp_path, source, decoded):
    made = ingest(tmp_path / "made", spec_of(source))
    assert ingest(tmp_path / "made", spec_of(source, resolution=64, ratio=2, templates=["{}"]))[:2] == made[:2]
    assert len(decoded) == 15


def add(source):
    put(source / "owl" / "new.png")


def remove(source):
    (source / "owl" / "0003.png").unlink()


def change(source):
    put(source / "owl" / "0003.png", "other")


def touch(source):
    os.utime(source / "owl" / "0003.png")


@pytest.mark.parametrize("happens", [add, remove, change, touch])
def test_a_changed_source_is_read_again(tmp_path, source, decoded, happens):
    ingest(tmp_path / "made", spec_of(source))
    decoded.clear()
    happens(source)
    again = ingest(tmp_path / "made", spec_of(source))
    assert len(decoded) == len(list(source.rglob("*.png")))
    assert again == ingest(tmp_path / "fresh", spec_of(source))


@pytest.mark.parametrize(
    "changes", [{"seeds_per_class": 2}, {"validation_per_class": 2}, {"seeds_per_class": None, "seeds_total": 4}]
)
def test_another_drawing_decodes_nothing_and_gives_what_a_fresh_one_gives(tmp_path, source, decoded, changes):
    (source / "owl" / "0003.png").write_bytes(b"broken")
    settings = {"max_unreadable": 0.1}
    first = ingest(tmp_path / "made", spec_of(source, **settings))
    decoded.clear()
    again = ingest(tmp_path / "made", spec_of(source, **settings, **changes))
    assert decoded == []
    assert again == ingest(tmp_path / "fresh", spec_of(source, **settings, **changes))
    assert again[0] != first[0]
    assert again[2]["quarantined"] == first[2]["quarantined"] != []


def test_another_draw_too(tmp_path, source, decoded):
    first = ingest(tmp_path / "made", spec_of(source))
    decoded.clear()
    again = ingest(tmp_path / "made", spec_of(source), draw=1)
    assert decoded == []
    assert again == ingest(tmp_path / "fresh", spec_of(source), draw=1)
    assert again[0] != first[0]


@pytest.mark.parametrize("changes", [{"names": {"owl": "snowy owl"}}, {"exclude": ["owl"]}, {"max_unreadable": 0.5}])
def test_another_reading_decodes_again(tmp_path, source, decoded, changes):
    ingest(tmp_path / "made", spec_of(source))
    decoded.clear()
    again = ingest(tmp_path / "made", spec_of(source, **changes))
    assert decoded != []
    assert again == ingest(tmp_path / "fresh", spec_of(source, **changes))


def test_a_changed_index_file_is_read_again(tmp_path, source):
    index = {"classes": ["crow", "owl"], "seeds": ["train/crow/0000.png", "train/owl/0000.png"], "validation": []}
    path = tmp_path / "split.json"
    path.write_text(json.dumps({**index, "test": ["train/crow/0001.png"]}))
    first = ingest(tmp_path / "made", spec_of(source, split=str(path)))
    path.write_text(json.dumps({**index, "test": ["train/crow/0002.png"]}))
    again = ingest(tmp_path / "made", spec_of(source, split=str(path)))
    assert (first[1]["test"], again[1]["test"]) == (["train/crow/0001.png"], ["train/crow/0002.png"])


def test_other_code_reads_again(tmp_path, source, decoded, monkeypatch):
    ingest(tmp_path / "made", spec_of(source))
    monkeypatch.setattr(reuse, "_code", lambda: "other")
    ingest(tmp_path / "made", spec_of(source))
    assert len(decoded) == 30


def cut(folder):
    (file,) = (folder / "test").glob("*.arrow")
    file.write_bytes(file.read_bytes()[:-200])


def swap(folder):
    content = (folder / "seeds", folder / "validation")
    content[0].rename(folder / "kept")
    content[1].rename(content[0])
    (folder / "kept").rename(content[1])


def lose(folder):
    shutil.rmtree(folder / "validation")


def tear(folder):
    (folder / "manifest.json").write_text("{")


@pytest.mark.parametrize("happens", [cut, swap, lose, tear])
def test_what_was_damaged_is_made_again(tmp_path, source, happens):
    made = ingest(tmp_path / "made", spec_of(source))
    happens(tmp_path / "made")
    assert ingest(tmp_path / "made", spec_of(source)) == made
    for part, expected in zip(PARTS, made[0], strict=True):
        assert checksum(ImagesDataset(path=str(tmp_path / "made" / part)).load()) == expected


def test_images_beside_a_parquet_file_count_as_its_own(tmp_path):
    content = BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(content, "PNG")
    (tmp_path / "a.png").write_bytes(content.getvalue())
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})

    def key(name, image):
        pq.write_table(pa.table({"image": pa.array([image], kind), "label": [0]}), tmp_path / name)
        os.utime(tmp_path / name, (1, 1))
        return keys(DatasetSpec(source={"kind": "parquet", "train": str(tmp_path / name)}), 0)

    beside, embedded = {"bytes": None, "path": "a.png"}, {"bytes": content.getvalue(), "path": "a.png"}
    before = key("beside.parquet", beside), key("embedded.parquet", embedded)
    (tmp_path / "a.png").write_bytes(encoded(picture("other")))
    after = key("beside.parquet", beside), key("embedded.parquet", embedded)
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_images_are_decoded_by_threads_in_bounded_chunks(tmp_path, source, monkeypatch):
    monkeypatch.setattr(ingestion, "CHUNK_IMAGES", 4)
    chunks, look = [], ingestion._look
    monkeypatch.setattr(ingestion, "_look", lambda chunk: chunks.append(len(chunk)) or look(chunk))
    (source / "crow" / "0006.png").write_bytes(b"broken")
    splits = ingestion.read(spec_of(source, max_unreadable=0.1), 0)
    assert sorted(chunks) == [3, 4, 4, 4]
    assert [image["id"] for image in splits.quarantined] == ["train/crow/0006.png"]
    monkeypatch.setattr(ingestion, "CHUNK_BYTES", 1)
    chunks.clear()
    ingestion.read(spec_of(source, max_unreadable=0.1), 0)
    assert set(chunks) == {0, 1}


def test_a_licence_makes_no_image_be_read_again(source):
    spec = DatasetSpec(source={"kind": "folder", "path": str(source)})
    assert keys(spec, 0) == keys(spec.overridden({"licence": "mit"}), 0)


def test_copies_are_known_without_decoding_again(tmp_path, source, decoded, caplog):
    shutil.copy(source / "owl" / "0001.png", source / "owl" / "0006.png")
    shutil.copy(source / "owl" / "0001.png", source / "crow" / "0007.png")
    first = ingest(tmp_path / "made", spec_of(source))
    assert first[2]["copies"] == [["train/crow/0007.png", "train/owl/0001.png", "train/owl/0006.png"]]
    decoded.clear()
    caplog.clear()
    assert ingest(tmp_path / "made", spec_of(source)) == first
    assert "2 of 15 images are copies of others with another label and are left out of the draw" in caplog.text
    again = ingest(tmp_path / "made", spec_of(source, seeds_per_class=2), draw=1)
    assert decoded == []
    assert again == ingest(tmp_path / "fresh", spec_of(source, seeds_per_class=2), draw=1)
    assert again[2]["notes"] == first[2]["notes"] != []


def test_a_folder_that_cannot_be_listed_and_links_back_are_no_hindrance(source, monkeypatch):
    spec, scandir = DatasetSpec(source={"kind": "folder", "path": str(source)}), os.scandir
    before = keys(spec, 0)
    for name in "ab":
        (source / "owl" / name).symlink_to(".")
    assert keys(spec, 0) == before

    def failing(folder):
        if str(folder).endswith("owl"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", failing)
    assert keys(spec, 0) != before


def test_a_reader_of_heic_makes_images_be_read_again(source, monkeypatch):
    spec = DatasetSpec(source={"kind": "folder", "path": str(source)})
    before = keys(spec, 0)
    monkeypatch.setattr(reuse, "READS_HEIF", not reuse.READS_HEIF)
    assert keys(spec, 0) != before
