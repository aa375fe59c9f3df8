import threading

import pytest

from guided_imagination.utils.fit import Prefetched


def test_every_step_gets_its_own_result():
    with Prefetched(lambda step: step * step, 5) as squares:
        assert [squares(step) for step in range(5)] == [0, 1, 4, 9, 16]


def test_a_run_may_start_in_the_middle():
    with Prefetched(lambda step: step, 10) as steps:
        assert [steps(step) for step in range(7, 10)] == [7, 8, 9]


def test_the_next_step_is_made_while_this_one_is_used():
    next_made = threading.Event()

    def make(step):
        if step == 1:
            next_made.set()
        return step

    with Prefetched(make, 2) as steps:
        steps(0)
        assert next_made.wait(5)


def test_no_step_is_made_twice_nor_beyond_the_end():
    made = []
    with Prefetched(made.append, 3) as steps:
        for step in range(3):
            steps(step)
    assert made == [0, 1, 2]


def test_an_error_reaches_the_one_who_asks_for_that_step():
    def make(step):
        if step == 1:
            raise OSError("no such image")
        return step

    with Prefetched(make, 3) as steps:
        assert steps(0) == 0
        with pytest.raises(OSError, match="no such image"):
            steps(1)
