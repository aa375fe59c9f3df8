"""How far a job is and how long it will take: a bar on a terminal, a line a minute in a log."""

import logging
import os
import sys
from typing import Any

from tqdm.auto import tqdm

logger = logging.getLogger(__name__)
EVERY = 60  # seconds between two lines
LINE = "{desc}: {n_fmt} of {total_fmt} {unit}, {rate_fmt}, {elapsed} gone, about {remaining} left"
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
