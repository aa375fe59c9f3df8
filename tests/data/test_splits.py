import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.data.splits import UNUSABLE, draw, quotas, split_rows
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import generator

NAMES = ["cat", "dog"]
SOURCE = {"kind": "folder", "path": "pets"}


def split(pool, number=0, val_part=(), test_part=(), **settings):
    """Splits of `pool` labels, followed by those of a validation and a test part."""
    labels = np.array([*pool, *val_part, *test_part])
    bounds = np.cumsum([0, len(pool), len(val_part), len(test_part)])
    roles = [np.arange(start, stop) for start, stop in pairwise(bounds)]
    return labels, split_rows(DatasetSpec(source=SOURCE, **settings), labels, *roles, NAMES, number)


def counts(labels, rows):
    return dict(Counter(labels[rows].tolist()))


def test_a_draw_is_balanced_and_the_rest_is_what_remains():
    labels = np.array([0] * 7 + [1] * 5)
    drawn, rest = draw(labels, [3, 3], NAMES, "seeds", 0)
    assert counts(labels, drawn) == {0: 3, 1: 3}
    assert sorted([*drawn, *rest]) == list(range(12))
    assert drawn.tolist() == sorted(drawn)
    assert rest.tolist() == sorted(rest)


def test_a_draw_depends_on_its_seed_only():
    labels = np.array([0, 1] * 20)
    first, again, other = (draw(labels, [5, 5], NAMES, "seeds", number)[0].tolist() for number in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_draw_is_the_same_on_every_machine():
    # written down once: a change would make published results impossible to repeat
    drawn, _ = draw(np.array([0, 1] * 10), [2, 2], NAMES, "seeds", 0)
    assert drawn.tolist() == [0, 8, 9, 11]


def test_an_unusable_image_is_replaced_and_the_others_stay():
    labels = np.array([0, 1] * 10)
    before = set(draw(labels, [4, 4], NAMES, "seeds", 0)[0].tolist())
    lost = min(before)
    labels[lost] = UNUSABLE
    after = set(draw(labels, [4, 4], NAMES, "seeds", 0)[0].tolist())
    assert before - after == {lost}
    assert len(after) == 8


def test_too_few_images_in_a_class_are_named():
    with pytest.raises(InputError, match="class 'dog' has 1 images, but 2 were requested"):
        draw(np.array([0, 0, 0, 1]), [2, 2], NAMES, "seeds", 0)


def test_quotas_go_by_the_largest_remainder():
    # 10 of 6, 3 and 2 images: 5.45, 2.73 and 1.82; the two that are missing go to the second and the third
    labels = np.array([0] * 6 + [1] * 3 + [2] * 2)
    assert quotas(labels, 10, ["a", "b", "c"]) == [5, 3, 2]


def test_equal_remainders_go_to_the_first_classes():
    assert quotas(np.array([0, 1, 2] * 2), 4, ["a", "b", "c"]) == [2, 1, 1]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8), st.data())
def test_quotas_add_up_and_no_class_gives_more_than_it_has(sizes, data):
    total = data.draw(st.integers(0, sum(sizes)))
    found = quotas(np.repeat(np.arange(len(sizes)), sizes), total, [str(size) for size in sizes])
    assert sum(found) == total
    assert all(abs(count - total * size / sum(sizes)) < 1 for count, size in zip(found, sizes, strict=True))
    assert all(count <= size for count, size in zip(found, sizes, strict=True))


def test_more_than_there_are_cannot_be_drawn():
    with pytest.raises(InputError, match="7 images were requested, but there are only 4"):
        quotas(np.array([0, 0, 1, 1]), 7, NAMES)


def test_seeds_per_class_and_validation_come_out_of_the_pool():
    labels, rows = split([0, 1] * 6, test_part=[0, 1], seeds_per_class=2, validation_per_class=1)
    assert counts(labels, rows.seeds) == {0: 2, 1: 2}
    assert counts(labels, rows.validation) == {0: 1, 1: 1}
    assert rows.test.tolist() == [12, 13]
    assert not set(rows.seeds) & set(rows.validation)


def test_seeds_total_is_balanced_as_the_pool_is():
    labels, rows = split([0] * 8 + [1] * 4, seeds_total=6, test="rest")
    assert counts(labels, rows.seeds) == {0: 4, 1: 2}
    assert counts(labels, rows.test) == {0: 4, 1: 2}


def test_the_rest_is_the_test_after_validation_took_its_share():
    labels, rows = split([0, 1] * 5, seeds_per_class=2, validation_per_class=1, test="rest")
    assert counts(labels, rows.test) == {0: 2, 1: 2}
    assert sorted([*rows.seeds, *rows.validation, *rows.test]) == list(range(10))


def test_without_a_number_all_of_the_pool_are_seeds():
    _, rows = split([0, 1, 1], test_part=[0, 1])
    assert rows.seeds.tolist() == [0, 1, 2]
    assert len(rows.validation) == 0


def test_without_a_number_validation_takes_its_images_first():
    labels, rows = split([0, 1] * 4, test_part=[0, 1], validation_per_class=1)
    assert counts(labels, rows.validation) == {0: 1, 1: 1}
    assert counts(labels, rows.seeds) == {0: 3, 1: 3}


def test_without_a_test_part_a_fifth_of_every_class_is_the_test():
    labels, rows = split([0] * 20 + [1] * 10)
    assert counts(labels, rows.test) == {0: 4, 1: 2}
    assert counts(labels, rows.seeds) == {0: 16, 1: 8}


def test_a_share_for_the_test_is_the_same_in_every_draw():
    (_, first), (_, second) = (split([0, 1] * 20, number, seeds_per_class=5, test_share=0.5) for number in (0, 1))
    assert first.test.tolist() == second.test.tolist()
    assert first.seeds.tolist() != second.seeds.tolist()


def test_validation_can_be_a_part_of_its_own():
    _, rows = split([0, 1], val_part=[0, 1, 0], test_part=[0, 1], validation="val")
    assert rows.validation.tolist() == [2, 3, 4]


def test_seeds_are_drawn_and_validation_is_a_part_of_its_own():
    labels, rows = split([0, 1] * 4, val_part=[0, 1, 0], test_part=[0, 1], validation="val", seeds_per_class=2)
    assert rows.validation.tolist() == [8, 9, 10]
    assert counts(labels, rows.seeds) == {0: 2, 1: 2}
    assert set(rows.seeds) < set(range(8))


def test_validation_can_be_drawn_from_a_part_of_its_own():
    labels, rows = split([0, 1], val_part=[0, 1] * 3, test_part=[0, 1], validation="val", validation_per_class=2)
    assert rows.seeds.tolist() == [0, 1]
    assert counts(labels, rows.validation) == {0: 2, 1: 2}
    assert set(rows.validation) < set(range(2, 8))


def drawn_class_by_class(labels, counts, *seed):
    """The draw of published results, by its definition: of each class the first in one order of all images."""
    order = torch.randperm(len(labels), generator=generator(*seed)).numpy()
    drawn = [order[labels[order] == label][:count] for label, count in enumerate(counts)]
    chosen = np.sort(np.concatenate(drawn))
    return chosen, np.setdiff1d(np.arange(len(labels)), chosen)


@given(st.lists(st.integers(-1, 6), max_size=60), st.lists(st.floats(0, 1), min_size=7, max_size=7), st.integers())
def test_draws_are_those_of_published_results(labels, shares, seed):
    labels = np.array(labels, dtype=np.int64)
    counts = [int(share * (labels == label).sum()) for label, share in enumerate(shares)]
    made = draw(labels, counts, list("abcdefg"), "seeds", seed)
    for part, expected in zip(made, drawn_class_by_class(labels, counts, "seeds", seed), strict=True):
        assert part.dtype == expected.dtype == np.int64
        assert part.tolist() == expected.tolist()


def test_the_draws_of_a_split_are_those_of_published_results():
    """Each by its name and, but for the test images, by the number of the draw, from what the one before has left."""
    pool, number = [0, 1] * 10, 7
    labels, rows = split(pool, number, seeds_per_class=3, validation_per_class=2)
    test, rest = drawn_class_by_class(labels, [2, 2], "test")  # a fifth of 20
    seeds, left = drawn_class_by_class(labels[rest], [3, 3], "seeds", number)
    validation, _ = drawn_class_by_class(labels[rest][left], [2, 2], "validation", number)
    expected = [rest[seeds], rest[left][validation], test]
    assert [part.tolist() for part in (rows.seeds, rows.validation, rows.test)] == [part.tolist() for part in expected]


def test_so_are_validation_images_where_no_seeds_are_drawn():
    labels, rows = split([0, 1] * 10, 7, test_part=[0, 1], validation_per_class=2)
    assert rows.validation.tolist() == drawn_class_by_class(labels[:20], [2, 2], "validation", 7)[0].tolist()
    labels, rows = split([0, 1], 7, val_part=[0, 1] * 9, test_part=[0, 1], validation="val", validation_per_class=2)
    assert rows.validation.tolist() == (2 + drawn_class_by_class(labels[2:20], [2, 2], "validation", 7)[0]).tolist()


def test_a_draw_from_many_images_of_many_classes_takes_no_pass_for_each_class():
    labels = np.arange(300_000) % 3000
    started = time.perf_counter()
    counts = quotas(labels, 30_000, range(3000))
    chosen, rest = draw(labels, counts, range(3000), "seeds")
    assert time.perf_counter() - started < 1  # 12 s with a pass for each
    assert (np.bincount(labels[chosen]) == 10).all()
    assert len(rest) == 270_000
