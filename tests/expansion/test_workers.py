"""The same expansion, whoever makes its shards."""

from dataclasses import replace
from functools import partial

import pytest

from guided_imagination.config import ONE_WORKER
from guided_imagination.expansion import store
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.records import verify
from guided_imagination.expansion.store.lock import sole_writer
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


def of_share(folder, share):
    return expand(
        folder, plan(ToyAugmenter(), seeds=SEEDS, compute=ONE_WORKER.overridden({"workers": {"share": share}}))
    )


def test_shares_make_together_what_one_run_makes_and_the_last_writes_the_manifest(tmp_path):
    whole = made(tmp_path / "whole")
    assert of_share(tmp_path / "parts", "2/3") is None
    assert of_share(tmp_path / "parts", "2/3") is None  # nothing is left for it
    assert of_share(tmp_path / "parts", "1/3") is None
    manifest = of_share(tmp_path / "parts", "3/3")
    assert {path.name: path.read_bytes() for path in (tmp_path / "parts").glob("*.parquet")} == whole
    assert [shard["file"] for shard in manifest["shards"]] == sorted(whole)
    assert sum(session["shards"] for session in manifest["sessions"]) == len(whole)
    assert verify(tmp_path / "parts") == verify(tmp_path / "whole")


def test_shares_write_at_the_same_time_and_one_run_over_all_is_refused_meanwhile(tmp_path):
    first, second = store.Share(1, 2), store.Share(2, 2)
    with sole_writer(tmp_path, first), sole_writer(tmp_path, second):
        for other in (store.Share(), store.Share(1, 2), store.Share(1, 3)):
            with pytest.raises(InputError, match="is being written by process"), sole_writer(tmp_path, other):
                pass
    with sole_writer(tmp_path), pytest.raises(InputError, match="is being written"), sole_writer(tmp_path, first):
        pass


@pytest.mark.parametrize("share", ["0/8", "9/8", "3", "3/0"])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        ONE_WORKER.overridden({"workers": {"share": share}})
