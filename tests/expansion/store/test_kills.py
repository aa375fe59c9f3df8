"""A run that is killed goes on at the missing shards and ends byte-identical to one that never was."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.records import verify
from guided_imagination.expansion.store import Expansion, is_complete
from helpers.stores import CLASSES, checksums, fork, outcome, toy_plan
from helpers.toy import ToyAugmenter, dataset

KILLS = 20


class SlowMaker(ToyAugmenter):
    """Takes a while, so that kills fall into its work too."""

    def make(self, *args):
        time.sleep(0.01)
        return super().make(*args)


def many_shards(maker):
    return toy_plan(maker, seeds=dataset([row % 8 for row in range(24)], CLASSES), seeds_per_batch=1)


def kill_after(seconds: float, folder: Path) -> bool:
    """Start a run, kill it after `seconds`; whether it was killed, not finished."""
    process = fork(lambda: expand(folder, many_shards(SlowMaker())))
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    status = outcome(process)
    assert status in (0, -signal.SIGKILL)
    return status != 0


def test_sigkill_at_20_random_moments(tmp_path):
    started = time.perf_counter()
    expand(tmp_path / "whole", many_shards(SlowMaker()))
    duration = time.perf_counter() - started
    whole, moments, kills, number = checksums(tmp_path / "whole"), random.Random(5), 0, 0
    assert len(whole) == 12

    while kills < KILLS:  # folder after folder, each killed until it is complete
        folder, number = tmp_path / str(number), number + 1
        while kills < KILLS and not is_complete(folder):
            if kill_after(moments.uniform(0, 0.6 * duration), folder):
                kills += 1
                # it may have been killed after its last write
                assert is_complete(folder) or not (folder / "manifest.json").exists()
                finished = checksums(folder)
                assert finished.items() <= whole.items(), "a shard is either whole or not there"
        expand(folder, many_shards(SlowMaker()))
        assert checksums(folder) == whole
        assert verify(folder) == []
        assert not list(folder.glob("*.partial"))


def die_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process kill itself before its `step`-th call that makes something durable or visible."""
    calls = iter(range(step, -1, -1))

    def deadly(function):
        def call(*args, **kwargs):
            if next(calls) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in ("fsync", "replace", "unlink", "utime"):
        monkeypatch.setattr(os, name, deadly(getattr(os, name)))


def killed_at(step: int, folder: Path, asked, monkeypatch) -> bool:
    def run() -> None:
        die_at(step, monkeypatch)
        try:
            expand(folder, asked)
        except StopIteration:  # past the last step
            os._exit(2)

    return outcome(fork(run)) == -signal.SIGKILL


def test_a_kill_at_every_step_of_writing_loses_one_shard_at_most(tmp_path, monkeypatch):
    seeds = dataset([0, 1, 2, 3], CLASSES)
    expand(tmp_path / "whole", toy_plan(ToyAugmenter(), seeds=seeds))
    whole, step, lost = checksums(tmp_path / "whole"), 0, []
    while killed_at(step, folder := tmp_path / str(step), toy_plan(ToyAugmenter(), seeds=seeds), monkeypatch):
        there = len(checksums(folder))
        rest = ToyAugmenter()
        expand(folder, toy_plan(rest, seeds=seeds))
        assert checksums(folder) == whole
        lost.append(rest.calls - (2 - there))
        assert verify(folder) == []
        assert not list(folder.glob("*.partial"))
        step += 1
    assert step > 20
    assert set(lost) == {0, 1}  # one: a shard that was not yet in the journal


def test_a_kill_at_every_step_of_replacing_leaves_the_old_expansion_or_ends_with_the_new(tmp_path, monkeypatch):
    seeds = dataset([0, 1, 2, 3], CLASSES)
    new = toy_plan(ToyAugmenter(), seeds=seeds, ratio=1, overwrite=True)
    expand(tmp_path / "old", toy_plan(ToyAugmenter(), seeds=seeds))
    expand(tmp_path / "new", new)
    expected = {2: checksums(tmp_path / "old"), 1: checksums(tmp_path / "new")}
    step, ratios = 0, []
    while killed_at(step, folder := shutil.copytree(tmp_path / "old", tmp_path / str(step)), new, monkeypatch):
        if is_complete(folder):
            ratios.append(Expansion(folder).manifest["fingerprint"]["ratio"])
            assert checksums(folder) == expected[ratios[-1]]
            expand(folder, new)
        else:  # nothing is left to make, nor to allow
            ratios.append(None)
            expand(folder, toy_plan(seeds=seeds, ratio=1))
        assert checksums(folder) == expected[1]
        assert verify(folder) == []
        assert not list((folder / "replacement").glob("*"))
        step += 1
    assert step > 20
    assert list(dict.fromkeys(ratios)) == [2, None, 1], "first the old, then the swap, then the new"


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: os.truncate(folder / "train-00000-of-00003.parquet", 100),
        lambda folder: (folder / "train-00000-of-00003.parquet").write_bytes(
            b"\0" * (folder / "train-00000-of-00003.parquet").stat().st_size
        ),
        lambda folder: (folder / "train-00008-of-00009.parquet.partial").write_bytes(b"PAR1"),
        lambda folder: (folder / "train-00002-of-00003.parquet").write_bytes(b"not in the journal"),
        lambda folder: os.truncate(folder / "journal.jsonl", (folder / "journal.jsonl").stat().st_size - 20),
        lambda folder: os.truncate(folder / "journal.jsonl", 20),
        lambda folder: (folder / "journal.jsonl").unlink(),
        lambda folder: (folder / "plan.json").unlink(),
    ],
    ids=["truncated", "zeroed", "partial", "unknown", "torn journal", "torn session", "no journal", "no plan"],
)
def test_what_a_power_loss_leaves_is_never_trusted(tmp_path, damage):
    expand(tmp_path / "whole", toy_plan(ToyAugmenter()))
    folder = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        expand(folder, toy_plan(ToyAugmenter(fail_at=2)))
    damage(folder)
    expand(folder, toy_plan(ToyAugmenter()))
    assert checksums(folder) == checksums(tmp_path / "whole")
    assert verify(folder) == []
    assert not list(folder.glob("*.partial"))


def test_shards_of_unknown_origin_are_not_taken_over(tmp_path):
    expand(tmp_path / "whole", toy_plan(ToyAugmenter(), seed=1))
    with pytest.raises(KeyboardInterrupt):
        expand(tmp_path / "cut", toy_plan(ToyAugmenter(fail_at=2)))
    (tmp_path / "cut" / "plan.json").unlink()
    expand(tmp_path / "cut", toy_plan(ToyAugmenter(), seed=1))
    assert checksums(tmp_path / "cut") == checksums(tmp_path / "whole")
