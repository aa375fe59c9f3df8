"""A full disk ends in a sentence; what was finished stays, and the run goes on when there is room."""

import subprocess

import pytest

from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.records import verify
from guided_imagination.expansion.store import is_complete
from guided_imagination.utils.errors import InputError
from helpers.disks import files_of_at_most, small_disk
from helpers.stores import CLASSES, checksums, toy_plan
from helpers.toy import ToyAugmenter, dataset

SIDE = 32  # a shard of two seeds takes about 13 KiB


def large_plan(maker):
    return toy_plan(maker, seeds=dataset([row % 8 for row in range(24)], CLASSES), resolution=SIDE)


def test_a_refused_write_leaves_no_file_and_says_where_and_how_much_is_free(tmp_path):
    folder = tmp_path / "made"
    with files_of_at_most(8192), pytest.raises(InputError) as caught:
        expand(folder, large_plan(ToyAugmenter()))
    assert str(caught.value).startswith(f"{folder} is out of space (File too large; ")
    assert "MiB are free on its disk): free some space and run again, finished work is kept" in str(caught.value)
    assert checksums(folder) == {}
    assert not list(folder.glob("*.partial"))
    expand(folder, large_plan(ToyAugmenter()))
    assert verify(folder) == []


def test_a_journal_that_cannot_grow_is_repaired(tmp_path):
    def many(maker):
        return toy_plan(maker, seeds=dataset([row % 8 for row in range(24)], CLASSES), seeds_per_shard=1)

    expand(tmp_path / "whole", many(ToyAugmenter()))
    whole, limit = checksums(tmp_path / "whole"), (tmp_path / "whole" / "journal.jsonl").stat().st_size - 100
    assert max(path.stat().st_size for path in (tmp_path / "whole").glob("*.parquet")) < limit
    folder = tmp_path / "made"
    with files_of_at_most(limit), pytest.raises(InputError, match="is out of space"):
        expand(folder, many(ToyAugmenter()))
    assert checksums(folder) == whole, "only the last line of the journal and the manifest had no room"
    rest = ToyAugmenter()
    expand(folder, many(rest))
    assert rest.calls == 1
    assert checksums(folder) == whole
    assert verify(folder) == []


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", "64k") as place:
        yield place


def test_a_full_disk_keeps_finished_shards_and_the_run_goes_on_when_there_is_room(tmp_path, disk):
    expand(tmp_path / "whole", large_plan(ToyAugmenter()))
    whole = checksums(tmp_path / "whole")
    folder = disk / "made"
    with pytest.raises(InputError, match=r"made is out of space \(No space left on device; 0\.\d MiB are free"):
        expand(folder, large_plan(ToyAugmenter()))
    finished = checksums(folder)
    assert 0 < len(finished) < 12
    assert finished.items() <= whole.items()
    assert not list(folder.glob("*.partial"))
    assert not is_complete(folder)

    subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
    rest = ToyAugmenter()
    expand(folder, large_plan(rest))
    assert rest.calls <= 12 - len(finished) + 1  # one may have been written without room for its line in the journal
    assert checksums(folder) == whole
    assert verify(folder) == []
