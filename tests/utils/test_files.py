import errno
import os

import pytest

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import read_json, replacing, write_json


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
    sentence = rf"{tmp_path} takes no more data \(.*MiB are free on its disk\): make room"
    with pytest.raises(InputError, match=sentence), replacing(tmp_path / "file"):
        raise OSError(code, os.strerror(code))
    assert list(tmp_path.iterdir()) == []


def test_other_failures_of_the_disk_are_not(tmp_path):
    with pytest.raises(OSError, match="Input/output error"), replacing(tmp_path / "file"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"[1]", b"\0\0"], ids=["empty", "torn", "list", "zeroed"])
def test_a_file_without_a_json_object_is_named(tmp_path, content):
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(
        InputError, match=rf"{tmp_path}/file.json is damaged, it holds no JSON.*: delete it and run again"
    ):
        read_json(tmp_path / "file.json")
