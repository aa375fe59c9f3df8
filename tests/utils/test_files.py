import errno
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import torch
from safetensors.torch import save_file

from guided_imagination.utils import files
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import (
    check_name,
    check_regular,
    check_writable,
    read_json,
    replacing,
    replacing_folder,
    temporary_folder,
    write_json,
    writing_alone,
)
from helpers.disks import closed, files_of_at_most
from helpers.processes import ended, fork


def test_json_comes_back_as_it_was_written(tmp_path):
    write_json(tmp_path / "new" / "file.json", {"a": [1, 2.5, None]})
    assert read_json(tmp_path / "new" / "file.json") == {"a": [1, 2.5, None]}


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"ne")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_first_write_leaves_no_file_of_that_name(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "file") as file:
        file.write(b"ne")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_the_users_to_mend(tmp_path, code):
    sentence = rf"{tmp_path} is out of space \(.*MiB are free on its disk\): free some space"
    with pytest.raises(InputError, match=sentence), replacing(tmp_path / "file"):
        raise OSError(code, os.strerror(code))
    assert list(tmp_path.iterdir()) == []


def test_other_failures_of_the_disk_are_not(tmp_path):
    with pytest.raises(OSError, match="Input/output error"), replacing(tmp_path / "file"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"[1]", b"\0\0"], ids=["empty", "torn", "list", "zeroed"])
def test_a_file_without_a_json_object_is_named(tmp_path, content):
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(InputError, match=rf"{tmp_path}/file.json is damaged.* JSON.*: delete it and run again"):
        read_json(tmp_path / "file.json")


def test_two_processes_that_write_one_file_leave_the_whole_of_one(tmp_path):
    path = tmp_path / "file"

    def write(letter):
        for _ in range(20):
            with replacing(path) as file:
                for _ in range(50):
                    file.write(letter * 1000)
                    file.flush()

    writers = [fork(lambda letter=letter: write(letter)) for letter in (b"a", b"b")]
    seen = set()
    while (first := os.waitpid(writers[0], os.WNOHANG)) == (0, 0):
        if path.exists():
            seen.add(path.read_bytes())
    assert (first[1], ended(writers[1])) == (0, 0)
    assert {*seen, path.read_bytes()} <= {b"a" * 50_000, b"b" * 50_000}
    assert list(tmp_path.iterdir()) == [path]


def fill(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def replace(folder, **files):
    with replacing_folder(folder) as new:
        fill(new, **files)


def test_a_folder_takes_the_place_of_the_old_with_nothing_of_it(tmp_path):
    folder = tmp_path / "deep" / "folder"
    replace(folder, a=b"1", b=b"2")
    assert contents(folder) == {"a": b"1", "b": b"2"}
    replace(folder, b=b"3")
    assert contents(folder) == {"b": b"3"}
    assert list(folder.parent.iterdir()) == [folder]


def test_what_is_open_or_mapped_of_an_old_folder_stays_as_it_was(tmp_path):
    replace(tmp_path / "folder", file=b"old" * 5000)
    with (tmp_path / "folder" / "file").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    replace(tmp_path / "folder", file=b"new")
    assert mapped[:] == b"old" * 5000


@pytest.mark.parametrize("there", [True, False])
def test_an_interrupted_folder_leaves_the_old_one_or_none(tmp_path, there):
    folder = tmp_path / "folder"
    if there:
        replace(folder, a=b"old")
    with pytest.raises(KeyboardInterrupt), replacing_folder(folder) as new:
        fill(new, a=b"ne")
        raise KeyboardInterrupt
    assert [contents(path) for path in tmp_path.iterdir()] == [{"a": b"old"}] * there


@pytest.mark.parametrize("exchanges", [True, False], ids=["in one step", "by two renames"])
@pytest.mark.parametrize("step", range(5))
def test_a_folder_is_whole_wherever_a_writer_is_killed(tmp_path, monkeypatch, exchanges, step):
    folder = tmp_path / "folder"
    replace(folder, a=b"old", b=b"old")
    if not exchanges:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    steps = iter(range(99))

    def dying(function):
        def before(*arguments):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return before

    def die():
        for name in ("_sync_tree", "_swap", "sync_folder", "_tidy"):
            monkeypatch.setattr(files, name, dying(getattr(files, name)))
        monkeypatch.setattr(files.Path, "rename", dying(files.Path.rename))
        replace(folder, a=b"new", b=b"new")

    assert ended(fork(die)) == -signal.SIGKILL
    if exchanges:  # nobody ever finds no folder
        assert set(contents(folder).values()) in ({b"old"}, {b"new"})
    with suppress(KeyboardInterrupt), replacing_folder(folder):
        assert contents(folder) in ({"a": b"old", "b": b"old"}, {"a": b"new", "b": b"new"})
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("patience", [0.1, 5.0], ids=["longer than it is worth a word", "shorter"])
def test_a_writer_of_a_folder_waits_for_the_other(tmp_path, caplog, monkeypatch, patience):
    folder, (read, write) = tmp_path / "folder", os.pipe()
    monkeypatch.setattr(files, "PATIENCE", patience)

    def first():
        with replacing_folder(folder) as new:
            os.write(write, b".")
            time.sleep(0.3)
            fill(new, a=b"first")

    process = fork(first)
    os.read(read, 1)
    with caplog.at_level("INFO"), replacing_folder(folder) as new:
        assert contents(folder) == {"a": b"first"}
        fill(new, a=b"second")
    assert ended(process) == 0
    assert contents(folder) == {"a": b"second"}
    assert (f"waiting for another process that writes to {folder}" in caplog.text) == (patience < 0.3)
    assert list(tmp_path.iterdir()) == [folder]


def test_threads_take_turns_too_and_holding_nests(tmp_path):
    inside = []

    def work(number):
        with writing_alone(tmp_path / "folder"), writing_alone(tmp_path / "folder"):
            inside.append(number)
            time.sleep(0.02)
            inside.append(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sorted(inside[::2]) == [0, 1, 2, 3]
    assert inside[::2] == inside[1::2]
    assert list(tmp_path.iterdir()) == []


def test_a_file_beside_a_folder_is_not_taken_for_what_a_dead_writer_left(tmp_path):
    for name in ("folder.html.partial", ".folder.old.partial", ".folder.12345678.html"):
        (tmp_path / name).mkdir()
    replace(tmp_path / "folder", a=b"1")
    assert len(list(tmp_path.iterdir())) == 4


def test_a_folder_on_a_full_disk_is_the_users_to_mend(tmp_path):
    replace(tmp_path / "folder", a=b"old")
    with (
        pytest.raises(InputError, match=rf"{tmp_path} is out of space \(.*MiB are free on its disk\): free some space"),
        files_of_at_most(1000),
    ):
        replace(tmp_path / "folder", a=b"new" * 1000)
    assert contents(tmp_path / "folder") == {"a": b"old"}
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]


@pytest.mark.parametrize("name", ["a.png", "caf\u00e9", "\u732b/1.png"])
def test_every_name_of_utf8_is_one(name):
    check_name(name)


def test_a_name_of_other_bytes_is_shown():
    with pytest.raises(InputError, match=r"^the name 'x/caf\\xe9' is not UTF-8: rename it$"):
        check_name(os.fsdecode(b"x/caf\xe9"))


@pytest.mark.parametrize(
    ("name", "shown"), [("os.fsdecode(b'caf\\xc3\\xa9')", r"'caf\xc3\xa9'"), ("'caf\\xe9'", r"'caf\xe9'")]
)
def test_a_locale_without_such_names_is_told_from_a_wrong_name(name, shown):
    code = f"import os; from guided_imagination.utils.files import check_name; check_name('a'); check_name({name})"
    posix = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX"}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **posix}, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith(
        f"{shown} is not ASCII, and this Python takes names for ascii: set the environment variable PYTHONUTF8=1"
    )


def test_only_what_blocks_and_what_leads_nowhere_is_not_regular(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dead").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    for name in ("file", "link", "missing"):
        assert check_regular(tmp_path / name) == tmp_path / name
    for name, said in (("dead", "broken link"), ("pipe", "not a regular file")):
        with pytest.raises(ValueError, match=said):
            check_regular(tmp_path / name)


def write_folder(path):
    with replacing_folder(path) as new:
        fill(new, a=b"new")


def hold(path):
    with writing_alone(path):
        pass


WRITERS = {"file": lambda path: write_json(path, {}), "folder": write_folder, "lock": hold, "check": check_writable}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("below", ["new", "a/b/new"])
def test_a_place_that_cannot_be_written_is_the_users_to_mend(tmp_path, write, below):
    with closed(tmp_path / "closed") as place, pytest.raises(InputError) as caught:
        write(place / below)
    assert str(caught.value).startswith(f"{place}")
    assert str(caught.value).endswith("): use another place or name")
    assert "cannot be written to (Read-only file system" in str(caught.value) or os.geteuid()


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("below", ["new", "a/b/new"])
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, write, below):
    (tmp_path / "file").write_text("mine")
    sentence = rf"^{tmp_path}/file cannot be written to \(Not a directory\): use another place or name$"
    with pytest.raises(InputError, match=sentence):
        write(tmp_path / "file" / below)
    assert contents(tmp_path) == {"file": b"mine"}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("length", [245, 300])
def test_too_long_a_name_is_one_sentence(tmp_path, write, length):
    try:
        write(tmp_path / ("n" * length))
    except InputError as error:
        assert str(error).startswith(f"{tmp_path}")
        assert str(error).endswith(" cannot be written to (File name too long): use another place or name")
    else:
        assert length == 245
        assert write in (hold, WRITERS["file"]), "their endings are short enough"


def test_a_check_leaves_nothing_and_makes_no_folder(tmp_path):
    check_writable(tmp_path / "a" / "b" / "new")
    assert list(tmp_path.iterdir()) == []


def test_what_a_block_could_not_read_elsewhere_is_no_fault_of_where_it_writes(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError), replacing(tmp_path / "folder" / "new"):
        (tmp_path / "file" / "read").read_bytes()


def saved_by_torch(folder):
    torch.save({"weights": torch.zeros(10_000)}, (folder / "a").open("wb"))


def copied(folder):
    (folder.parent / "source").mkdir()
    (folder.parent / "source" / "a").write_bytes(b"a" * 10_000)
    shutil.copytree(folder.parent / "source", folder / "b")


FILLING = {
    "torch": saved_by_torch,
    "safetensors": lambda folder: save_file({"weights": torch.zeros(10_000)}, folder / "a"),
    "copytree": copied,
}


@pytest.mark.parametrize("write", FILLING.values(), ids=FILLING)
def test_a_full_disk_is_seen_behind_what_other_libraries_raise(tmp_path, monkeypatch, write):
    if write is copied:  # the kernel would copy without asking for the limit
        monkeypatch.setattr(shutil, "_USE_CP_SENDFILE", False)
    full = f"^{tmp_path}.* is out of space .* free some space"
    with pytest.raises(InputError, match=full), files_of_at_most(4096), replacing_folder(tmp_path / "new") as new:
        write(new)
    assert not (tmp_path / "new").exists()


def test_no_place_for_temporary_files_is_a_sentence(monkeypatch):
    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(InputError, match=r"^No usable temporary directory found in \['/tmp'\]: set TMPDIR"):
        temporary_folder().__enter__()


def test_a_full_folder_for_temporary_files_is_a_sentence():
    with (
        pytest.raises(InputError, match=f"^{tempfile.gettempdir()}.* is out of space"),
        files_of_at_most(1000),
        temporary_folder() as folder,
    ):
        (folder / "file").write_bytes(b"a" * 2000)
    assert not folder.exists()
