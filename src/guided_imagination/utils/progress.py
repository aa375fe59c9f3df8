"""How far a job is and how long it will take: a bar on a terminal, a line a minute in a log."""

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tqdm.auto import tqdm

T = TypeVar("T")
logger = logging.getLogger(__name__)
EVERY = 60  # seconds between two lines
LINE = "{desc}: {n_fmt} of {total_fmt} {unit}, {rate_fmt}, {elapsed} elapsed, about {remaining} left"
WORKER = "GUIDED_IMAGINATION_WORKER"  # set in workers, whose bars would write over each other


class _Log:
    """A file for tqdm that ends in the log."""

    def write(self, text: str) -> None:
        if line := text.strip():
            logger.info(line)

    def flush(self) -> None: ...


def progress(description: str, total: int, *, done: int = 0, unit: str) -> "tqdm[Any]":
    """To be updated by hand and closed; `TQDM_DISABLE=1` turns it off."""
    if sys.stderr.isatty() and WORKER not in os.environ:
        return tqdm(desc=description, total=total, initial=done, unit=f" {unit}", leave=False, mininterval=0.5)
    lines: dict[str, Any] = {
        "file": _Log(),
        "position": 0,
        "miniters": 1,
        "mininterval": EVERY,
        "delay": EVERY,
        "bar_format": LINE,
    }
    return tqdm(desc=description, total=total, initial=done, unit=unit, leave=False, **lines)


_bars: dict[tuple[str, str], Any] = {}


def counted(results: Iterable[T], count: int, description: str, unit: str) -> Iterator[T]:
    """`count` results as they come; all that are described alike, and not finished, are counted together."""
    if (description, unit) not in _bars:
        _bars[description, unit] = progress(description, 0, unit=unit)
    bar = _bars[description, unit]
    bar.total += count

    def one_by_one() -> Iterator[T]:
        left = count
        try:
            for result in results:
                left -= 1
                bar.update()
                yield result
        finally:
            bar.total -= left  # of work that was left early
            if bar.n >= bar.total:
                bar.close()
                _bars.pop((description, unit), None)

    return one_by_one()
