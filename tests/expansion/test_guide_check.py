import logging
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from guided_imagination.expansion.preparation import agreement, judge
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import generator


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
def test_kappa_is_cohen_s(pairs):
    labels, said = zip(*pairs, strict=True)
    found = agreement(labels, said, 4)
    agreed = Fraction(sum(a == b for a, b in pairs), len(pairs))
    chance = sum(Fraction(labels.count(name) * said.count(name), len(pairs) ** 2) for name in range(4))
    assert found["accuracy"] == float(agreed)
    assert found["chance"] == pytest.approx(float(chance))
    assert found["kappa"] == pytest.approx(float((agreed - chance) / (1 - chance)) if chance < 1 else 1, abs=1e-9)


@pytest.mark.filterwarnings("error")
def test_of_one_class_everything_agrees():
    assert agreement([1, 1, 1], [1, 1, 1], 2) == {"accuracy": 1, "chance": 1, "kappa": 1, "p": 1}


def test_one_who_always_says_the_frequent_class_knows_nothing():
    found = agreement([0] * 70 + [1] * 30, [0] * 100, 2)
    assert found["accuracy"] == 0.7
    assert found["kappa"] == pytest.approx(0)
    assert found["p"] > 0.1


def refusal(labels, said, least=0.2, names=("a", "b", "c", "d")):
    try:
        judge("gif", agreement(labels, said, len(names)) | {"seeds": len(labels)}, names, least)
    except InputError as error:
        return str(error)
    return None


LABELS = [row % 4 for row in range(40)]


def test_a_guide_that_knows_the_classes_passes_and_says_so(caplog):
    with caplog.at_level(logging.INFO):
        assert refusal(LABELS, LABELS) is None
    assert (
        "gif: the guide's zero-shot accuracy on the 40 seed images is 100.0 % (chance 25.0 %, kappa 1.00)"
        in caplog.text
    )


def test_a_guide_that_guesses_is_refused_and_the_sentence_says_what_to_do():
    message = refusal(LABELS, generator_choices(40))
    assert "the guide does not recognise these 4 classes" in message
    for way in ("another guide", "class names or templates", "unguided", "least_kappa"):
        assert way in message


def generator_choices(count):
    return torch.randint(4, (count,), generator=generator("guesses")).tolist()


def test_a_good_score_on_five_seeds_is_no_proof():
    message = refusal([0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 1, 1], least=0.2, names=("a", "b"))
    assert message is not None


def test_who_asks_for_nothing_goes_on():
    assert refusal(LABELS, [0] * 40, least=None) is None
