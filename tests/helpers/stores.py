"""What the tests of the store share: expansions with plausible criteria, processes that die, checksums."""

import hashlib
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import RLock

from datasets import Dataset
from tqdm.auto import tqdm

from guided_imagination.data.dataset import checksum
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.plan import Plan
from guided_imagination.expansion.store import Expansion
from helpers.toy import ToyAugmenter, dataset, plan

CLASSES = list("abcdefgh")  # the toy's entropy gain of 2 is possible with eight classes


def toy_plan(maker: ToyAugmenter | None = None, **changes: object) -> Plan:
    """An expansion of six seeds by two in three shards, whose criteria are possible."""
    return plan(maker, **{"seeds": dataset([0, 1, 2, 3, 4, 5], CLASSES), **changes})


def made_of(seeds: Dataset, folder: Path, maker: ToyAugmenter | None = None, **changes: object) -> Expansion:
    """A finished expansion of `seeds` by two that knows what it was made of."""
    expand(folder, plan(maker or ToyAugmenter(), seeds=seeds, inputs={"seeds": checksum(seeds)}, **changes))
    return Expansion(folder)


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of the shards, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.parquet")}


def fork(action: Callable[[], object]) -> int:
    """Run `action` in a process of its own: its id. Status 1 if it raises."""
    process = os.fork()
    if process:
        return process
    tqdm.set_lock(
        RLock()
    )  # its own is shared with this process, which would wait for ever once a child dies holding it
    try:
        action()
        os._exit(0)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
        os._exit(1)


def outcome(process: int) -> int:
    """The exit status of a process when it has ended; minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
