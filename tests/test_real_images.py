"""Tests find real images by an environment variable alone, and are skipped without it, wherever the checkout lies."""

import os
import subprocess
import sys

import pytest

from helpers.project import ROOT
from helpers.real_images import VARIABLE


def run(**variables: str) -> str:
    """What pytest says of the tests of npz files that need real images."""
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE} | variables
    options = ["-p", "no:cacheprovider", "-rsE", "-m", "real_images", "tests/data/sources/test_npz.py"]
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False).stdout


def test_without_the_variable_they_are_skipped_and_say_what_to_set() -> None:
    said = run()
    assert f"it needs real images: set {VARIABLE} to their folder" in said
    assert "1 skipped" in said


@pytest.mark.parametrize("there", [False, True], ids=["no folder", "a folder without them"])
def test_a_folder_that_has_them_not_is_an_error(there: bool, tmp_path) -> None:
    if there:
        (tmp_path / "images").mkdir()
    said = run(**{VARIABLE: str(tmp_path / "images")})
    assert ("no such folder" in said) == (not there)
    assert "1 failed" in said or "1 error" in said
