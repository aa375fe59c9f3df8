"""The same expansion, whoever makes its shards."""

from dataclasses import replace
from functools import partial

import pytest

from guided_imagination.config.models import ONE_WORKER
from guided_imagination.expansion.expand import expand
from guided_imagination.utils.errors import InputError
from helpers.toy import ToyAugmenter, dataset, plan

TWO = ONE_WORKER.overridden({"workers": {"count": 2}})
SEEDS = dataset([0, 1] * 4)


def made(folder, **changes):
    """The bytes of every shard, by name."""
    expand(folder, plan(ToyAugmenter(), seeds=SEEDS, **changes))
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def test_the_number_of_workers_changes_no_byte(tmp_path):
    one, two = made(tmp_path / "one", compute=ONE_WORKER), made(tmp_path / "two", compute=TWO)
    assert len(one) == 4
    assert one == two


def test_what_one_worker_has_begun_two_finish(tmp_path):
    whole = made(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path / "rest", compute=ONE_WORKER, load_augmenter=partial(ToyAugmenter, fail_at=1))
    assert made(tmp_path / "rest", compute=TWO) == whole


def test_what_a_worker_refuses_is_said_by_the_driver(tmp_path):
    def load():
        raise InputError("the weights are broken")

    broken = replace(plan(seeds=SEEDS), load_augmenter=load, compute=TWO)
    with pytest.raises(InputError, match="the weights are broken"):
        expand(tmp_path, broken)
