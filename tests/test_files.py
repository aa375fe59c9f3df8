import pytest

from guided_imagination.files import read_json, replacing, write_json


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


def test_an_interrupted_first_write_leaves_no_file_of_that_name(tmp_path):
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "file") as file:
        file.write(b"ne")
        raise KeyboardInterrupt
    assert not (tmp_path / "file").exists()
