"""A folder that is replaced: the old one or the new one, each whole, whenever a kill falls."""

import errno
import os
import shutil
import signal

import pytest

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import replacing_folder, restore_folder
from helpers.stores import fork, outcome

OLD, NEW = {"a": "old", "b": "old"}, {"a": "new", "deep/c": "new"}


def fill(folder, content):
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def content(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def replace(folder, new=NEW):
    with replacing_folder(folder) as made:
        fill(made, new)


def test_the_new_folder_takes_the_place_of_the_old(tmp_path):
    folder = tmp_path / "deep" / "folder"
    replace(folder, OLD)
    assert content(folder) == OLD
    replace(folder)
    assert content(folder) == NEW
    assert list(folder.parent.iterdir()) == [folder]
    assert folder.stat().st_mode == folder.parent.stat().st_mode, "others may read it as they may read its parent"


def test_an_interrupted_block_leaves_the_old_folder(tmp_path):
    replace(tmp_path / "folder", OLD)
    with pytest.raises(KeyboardInterrupt), replacing_folder(tmp_path / "folder") as made:
        fill(made, NEW)
        raise KeyboardInterrupt
    assert content(tmp_path / "folder") == OLD
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


def test_a_full_disk_is_the_users_to_mend(tmp_path):
    with pytest.raises(InputError, match="takes no more data"), replacing_folder(tmp_path / "folder"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def killed_at(step, folder, monkeypatch):
    """Whether a process that replaces `folder` came as far as its `step`-th call that changes something for good."""
    calls = iter(range(step, -1, -1))

    def deadly(function):
        def call(*args, **kwargs):
            if next(calls, None) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    def run():
        for name in ("mkdir", "fsync", "rename", "unlink", "rmdir"):
            monkeypatch.setattr(os, name, deadly(getattr(os, name)))
        replace(folder)

    status = outcome(fork(run))
    assert status in (0, -signal.SIGKILL)
    return status != 0


def test_a_kill_at_every_step_leaves_the_old_folder_or_the_new_one_whole(tmp_path, monkeypatch):
    fill(tmp_path / "old", OLD)
    step, seen = 0, []
    while True:
        folder = shutil.copytree(tmp_path / "old", tmp_path / str(step) / "folder")
        if not killed_at(step, folder, monkeypatch):
            break
        seen.append("gone" if not folder.exists() else {"old": "old", "new": "new"}[content(folder)["a"]])
        restore_folder(folder)
        assert content(folder) in (OLD, NEW)
        assert list(folder.parent.iterdir()) == [folder], "nothing of the dead writer is left"
        replace(folder)
        assert content(folder) == NEW
        step += 1
    assert step > 10
    assert seen.count("gone") == 1, "between two renames, and then the old one is put back"
    assert list(dict.fromkeys(seen)) == ["old", "gone", "new"]


def test_a_living_writer_is_left_alone_and_the_last_to_end_wins(tmp_path):
    folder = tmp_path / "folder"
    with replacing_folder(folder) as made:
        assert outcome(fork(lambda: replace(folder, OLD))) == 0
        assert content(folder) == OLD
        fill(made, NEW)
    assert content(folder) == NEW
    assert list(tmp_path.iterdir()) == [folder]


def test_leftovers_of_other_folders_are_left_alone(tmp_path):
    with replacing_folder(tmp_path / "a.b"):
        (tmp_path / "a.partial").mkdir()
        replace(tmp_path / "a")
        assert len(list(tmp_path.iterdir())) == 3
