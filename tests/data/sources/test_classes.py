import sys

import pytest

from guided_imagination.data.sources.classes import clean, name_classes, words
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
        ("cafe\u0301_noir", "caf\u00e9 noir"),  # tokenizers know accents that are one letter with it
    ],
)
def test_names_are_cleaned(raw, name):
    assert clean(raw) == name


def test_labels_stay_in_order_when_classes_are_left_out():
    names, relabel = name_classes(["a", "b", "c", "d"], {"c": "cee"}, ["b"], "x")
    assert names == ["a", "c", "d"]
    assert relabel.tolist() == [0, -1, 1, 2]


def test_names_stay_those_of_the_source_and_in_its_order():
    raw = ["002.Laysan_Albatross", "001.Black_footed_Albatross", " snowy  owl "]
    assert name_classes(raw, {"001.Black_footed_Albatross": "albatross"}, [], "x")[0] == raw


def test_words_are_the_chosen_ones_or_cleaned_names():
    names = ["001.Black_footed_Albatross", "bkj", "a_c"]
    assert words(names, {"bkj": "1. blue_jay"}) == ["Black footed Albatross", "1. blue_jay", "a c"]


def test_accents_are_compared_however_they_are_written():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert words([decomposed], {composed: "coffee"}) == ["coffee"]
    assert name_classes([decomposed, "a"], {}, [composed], "x")[0] == ["a"]


def test_a_word_that_another_class_has_is_refused():
    with pytest.raises(InputError, match=r"CLIP would read 'a' \(ignoring case\) for both classes 'a' and 'b'"):
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
    with pytest.raises(InputError, match=r"\(ignoring case\) for both classes 'Cat' and 'cat'"):
        name_classes(["Cat", "cat"], {}, [], "animals")
    assert name_classes(["Cat", "cat"], {"Cat": "lion"}, [], "animals")[0] == ["Cat", "cat"]


def test_names_that_this_python_cannot_write_are_refused(monkeypatch):
    assert name_classes(["caf\u00e9"], {}, [], "x")[0] == ["caf\u00e9"]
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    assert name_classes(["crow"], {}, [], "x")[0] == ["crow"]
    with pytest.raises(InputError, match="PYTHONUTF8=1"):
        name_classes(["crow", "caf\u00e9"], {}, [], "x")
