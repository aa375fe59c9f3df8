import sys

import pytest

from guided_imagination.data.sources.classes import clean, name_classes
from guided_imagination.utils.errors import InputError


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("001.Black_footed_Albatross", "Black footed Albatross"),
        ("3. owl", "owl"),
        ("car_side", "car side"),
        ("2_seater", "2 seater"),
        ("911 turbo", "911 turbo"),
        ("  snowy   owl ", "snowy owl"),
        ("T-shirt", "T-shirt"),
        ("7", "7"),
        ("7.", "7."),
        ("2.5 mm", "2.5 mm"),
        ("0.5_mm", "0.5 mm"),
        ("012.5_mm", "5 mm"),  # no decimal number begins like that
        ("_", "_"),
        ("1._", "1._"),
    ],
)
def test_names_are_cleaned(raw, name):
    assert clean(raw) == name


def test_labels_stay_in_order_when_classes_are_left_out():
    names, relabel = name_classes(["a", "b", "c", "d"], {"c": "cee"}, ["b"], "x")
    assert names == ["a", "cee", "d"]
    assert relabel.tolist() == [0, -1, 1, 2]


def test_a_given_name_is_taken_as_it_is():
    assert name_classes(["a"], {"a": "1. a_b"}, [], "x")[0] == ["1. a_b"]


def test_a_new_name_that_another_class_has_is_refused():
    with pytest.raises(InputError, match="'a' and 'b' are both named 'a'"):
        name_classes(["a", "b"], {"b": "a"}, [], "x")


def test_numbers_in_place_of_names_are_mentioned(caplog):
    name_classes(["0", "1"], {}, [], "flowers")
    assert "flowers: '0' is a number" in caplog.text


def test_names_without_letters_are_mentioned_and_blank_ones_refused(caplog):
    assert name_classes(["_", "a"], {}, [], "birds")[0] == ["_", "a"]
    assert "birds: '_' has no letters" in caplog.text
    with pytest.raises(InputError, match="birds: the class 1 has the blank name ' '"):
        name_classes(["a", " "], {}, [], "birds")
    assert name_classes(["a", " "], {}, [" "], "birds")[0] == ["a"]


def test_names_that_differ_in_case_alone_are_refused():
    """CLIP's tokenizers know none: the two would have one text."""
    with pytest.raises(InputError, match="'Cat' and 'cat' are both named 'cat', however it is written"):
        name_classes(["Cat", "cat"], {}, [], "animals")


def test_names_that_this_python_cannot_write_are_refused(monkeypatch):
    assert name_classes(["caf\u00e9"], {}, [], "x")[0] == ["caf\u00e9"]
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    assert name_classes(["crow"], {}, [], "x")[0] == ["crow"]
    with pytest.raises(InputError, match="PYTHONUTF8=1"):
        name_classes(["crow", "caf\u00e9"], {}, [], "x")
