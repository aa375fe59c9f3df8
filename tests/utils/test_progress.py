import logging

import pytest

from guided_imagination.config.models import ONE_WORKER
from guided_imagination.utils import progress as module
from guided_imagination.utils.progress import progress
from guided_imagination.utils.workers import start


@pytest.fixture
def lines(caplog, monkeypatch):
    """What is logged, a line as soon as there is something to say."""
    monkeypatch.setattr(module, "EVERY", 0)
    caplog.set_level(logging.INFO, "guided_imagination")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_log_has_lines_that_say_how_far_and_how_long(lines):
    bar = progress("training", 4, unit="cells")
    for _ in range(3):
        bar.update()
    bar.close()
    assert lines()[-1].startswith("training: 3 of 4 cells, ")
    assert lines()[-1].endswith(" left")


def test_short_jobs_say_nothing(caplog):
    caplog.set_level(logging.INFO, "guided_imagination")
    bar = progress("training", 2, unit="cells")
    bar.update()
    bar.update()
    bar.close()
    assert not caplog.records


def test_units_of_several_works_are_counted_together(lines):
    first, second = (
        start(lambda: lambda unit: unit, range(count), ONE_WORKER, shown=("testing", "units")) for count in (2, 3)
    )
    assert [*first, *second]
    counted = [line.split(",")[0] for line in lines()]
    assert counted[-1] == "testing: 5 of 5 units"
    assert list(start(lambda: lambda unit: unit, range(1), ONE_WORKER, shown=("testing", "units")))
    assert lines()[-1].startswith("testing: 1 of 1 units")


def test_work_that_is_left_early_is_not_counted_any_more(lines):
    first = start(lambda: lambda unit: unit, range(5), ONE_WORKER, shown=("leaving", "units"))
    next(first)
    first.close()
    assert list(start(lambda: lambda unit: unit, range(2), ONE_WORKER, shown=("leaving", "units")))
    assert lines()[-1].startswith("leaving: 2 of 2 units")
