"""What the docstrings show is what happens."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("name", ["expanding", "images", "looking", "evaluating", "reproducing"])
def test_examples_do_what_they_show(name: str) -> None:
    done = doctest.testmod(import_module(f"guided_imagination.api.{name}"), optionflags=doctest.ELLIPSIS)
    assert done.attempted > 0
    assert done.failed == 0
