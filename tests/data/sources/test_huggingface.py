import pytest
from huggingface_hub import constants

from guided_imagination.config.datasets import HuggingFaceSource
from guided_imagination.data.sources import open_source
from guided_imagination.utils.errors import InputError
from helpers import fabricate

PARTS = {
    "train": ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
    "test": ["data/test-00000-of-00002.parquet", "data/test-00001-of-00002.parquet"],
}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def opened():
    return open_source(
        HuggingFaceSource(
            kind="huggingface", repository="tanganke/stanford_cars", revision=fabricate.REVISION, parts=PARTS
        )
    )


def test_files_in_the_hubs_cache_need_no_network(hub):
    fabricate.cars(hub)
    source = opened()
    assert source.classes[1] == "BMW X3 SUV 2012"
    assert source.parts["train"]().labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert source.parts["test"]().ids == ["test/00000", "test/00001", "test/00002"]


def test_without_a_network_the_file_and_its_place_in_the_cache_are_named(hub):
    with pytest.raises(InputError) as caught:
        opened()
    message = str(caught.value)
    snapshot = hub / "datasets--tanganke--stanford_cars" / "snapshots" / fabricate.REVISION / "data"
    assert "data/train-00000-of-00002.parquet cannot be downloaded from https://huggingface.co/datasets/" in message
    assert f"place it in {snapshot} manually" in message
    assert "\n" not in message


def test_what_is_missing_is_named_when_only_a_part_is_there(hub):
    fabricate.cars(hub)
    next(hub.rglob("test-00001-of-00002.parquet")).unlink()
    with pytest.raises(InputError, match=r"data/test-00001-of-00002\.parquet cannot be downloaded"):
        opened().parts["test"]()
