"""One writer per expansion."""

import json
import logging
import os
import platform
import signal
import threading
import time
from datetime import timedelta

import pytest

from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.records import verify
from guided_imagination.expansion.store import is_complete
from guided_imagination.expansion.store.lock import STALE
from guided_imagination.utils.errors import InputError
from helpers.stores import checksums, fork, outcome, toy_plan
from helpers.toy import ToyAugmenter

ELSEWHERE = {"host": "other-host", "pid": 7, "user": "ada", "started": "2026-01-02T03:04:05+00:00"}


class Waiting(ToyAugmenter):
    """Makes its first shard, says so, and waits."""

    def __init__(self, reached, released):
        super().__init__()
        self.reached, self.released = reached, released

    def make(self, *args):
        if self.calls == 1:
            self.reached.write_text("")
            while not self.released.exists():
                time.sleep(0.01)
        return super().make(*args)


@pytest.fixture
def writer(tmp_path):
    """A process that is in the middle of writing to `tmp_path/made`."""
    reached, released = tmp_path / "reached", tmp_path / "released"
    process = fork(lambda: expand(tmp_path / "made", toy_plan(Waiting(reached, released))))
    deadline = time.monotonic() + 30
    while not reached.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield process, released
    released.touch()


def owned_elsewhere(folder, silence: timedelta):
    """What a writer on another machine leaves where the network folder does not carry its lock here."""
    folder.mkdir()
    owner = folder / "writer.json"
    owner.write_text(json.dumps(ELSEWHERE))
    moment = time.time() - silence.total_seconds()
    os.utime(owner, (moment, moment))


def test_a_second_writer_is_refused_while_the_first_is_alive(tmp_path, writer):
    process, released = writer
    folder = tmp_path / "made"
    before = checksums(folder)
    with pytest.raises(InputError) as caught:
        expand(folder, toy_plan())
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder} is being written by process {process} of ")
    assert f" on {platform.node()}, started 20" in sentence
    assert "last sign of life 0:00:" in sentence
    assert sentence.endswith("wait for it or stop it, or use another --params data_dir=FOLDER")
    assert checksums(folder) == before
    released.touch()
    assert outcome(process) == 0
    assert is_complete(folder)
    assert not (folder / "writer.json").exists()
    expand(folder, toy_plan())


def test_overwriting_is_refused_too(tmp_path, writer):
    with pytest.raises(InputError, match="is being written by process"):
        expand(tmp_path / "made", toy_plan(ratio=3, overwrite=True))
    assert not (tmp_path / "made" / "replacement").exists()
    os.kill(writer[0], signal.SIGKILL)
    outcome(writer[0])


def test_the_lock_of_a_killed_writer_is_taken_over_with_a_line(tmp_path, writer, caplog):
    process, _ = writer
    os.kill(process, signal.SIGKILL)
    outcome(process)
    with caplog.at_level(logging.INFO):
        expand(tmp_path / "made", toy_plan(ToyAugmenter()))
    assert f"taking over {tmp_path / 'made'} from process {process} of " in caplog.text
    assert verify(tmp_path / "made") == []


def test_a_writer_elsewhere_counts_as_alive_until_it_is_silent_for_long(tmp_path, caplog):
    folder = tmp_path / "made"
    owned_elsewhere(folder, timedelta(minutes=2))
    with pytest.raises(InputError) as caught:
        expand(folder, toy_plan())
    assert "process 7 of ada on other-host, started 2026-01-02T03:04:05+00:00" in str(caught.value)
    assert "last sign of life 0:02:0" in str(caught.value)
    assert f"(if that run is dead, delete {folder / 'writer.json'})" in str(caught.value)
    assert json.loads((folder / "writer.json").read_text()) == ELSEWHERE


def test_a_writer_elsewhere_that_is_silent_for_long_is_dead(tmp_path, caplog):
    folder = tmp_path / "made"
    owned_elsewhere(folder, STALE + timedelta(minutes=1))
    with caplog.at_level(logging.INFO):
        expand(folder, toy_plan(ToyAugmenter()))
    assert "taking over" in caplog.text
    assert "other-host" in caplog.text
    assert is_complete(folder)


def test_signs_of_life_come_however_long_a_shard_takes(tmp_path, monkeypatch):
    monkeypatch.setattr("guided_imagination.expansion.store.lock.SIGN_EVERY", 0.01)
    owner, shards = tmp_path / "made" / "writer.json", []

    class Slow(ToyAugmenter):
        def make(self, *args):
            os.utime(owner, (0, 0))
            for _ in range(500):
                if signed := owner.stat().st_mtime > 0:
                    break
                time.sleep(0.01)
            shards.append(signed)
            return super().make(*args)

    expand(tmp_path / "made", toy_plan(Slow()))
    assert shards == [True] * 3


def test_two_threads_do_not_write_together(tmp_path):
    reached, released, folder = tmp_path / "reached", tmp_path / "released", tmp_path / "made"
    first = threading.Thread(target=expand, args=(folder, toy_plan(Waiting(reached, released))))
    first.start()
    while not reached.exists():
        time.sleep(0.01)
    try:
        with pytest.raises(InputError, match="is being written by"):
            expand(folder, toy_plan())
    finally:
        released.touch()
        first.join()
    assert is_complete(folder)


def test_a_failed_run_lets_go(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        expand(tmp_path / "made", toy_plan(ToyAugmenter(fail_at=1)))
    assert not (tmp_path / "made" / "writer.json").exists()
    expand(tmp_path / "made", toy_plan(ToyAugmenter()))
