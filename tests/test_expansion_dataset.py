import pytest
from kedro.io import DatasetError

from guided_imagination.datasets.expansion import ExpansionDataset
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.utils.errors import InputError
from helpers.toy import ToyAugmenter, plan


def test_it_opens_the_expansion_that_the_node_made(tmp_path):
    expanded = ExpansionDataset(filepath=str(tmp_path / "made"))
    assert not expanded.exists()
    expand(tmp_path / "made", plan(ToyAugmenter()))
    expanded.save(Expansion(tmp_path / "made"))
    assert expanded.exists()
    assert len(list(expanded.load().stream())) == 8


def test_an_unfinished_expansion_does_not_exist_and_says_so(tmp_path):
    expanded = ExpansionDataset(filepath=str(tmp_path / "made"))
    with pytest.raises(KeyboardInterrupt):
        expand(tmp_path / "made", plan(ToyAugmenter(fail_at=1)))
    assert not expanded.exists()
    with pytest.raises(InputError, match="no complete expansion"):
        next(expanded.load().stream())


@pytest.mark.parametrize("damage", ["delete", "truncate"])
def test_an_expansion_exists_only_while_every_shard_does(tmp_path, damage):
    expanded = ExpansionDataset(filepath=str(tmp_path))
    expand(tmp_path, plan(ToyAugmenter()))
    shard = next(tmp_path.glob("*.parquet"))
    if damage == "delete":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:-1])
    assert not expanded.exists()
    expand(tmp_path, plan(ToyAugmenter()))
    assert expanded.exists()


def test_an_expansion_that_was_made_elsewhere_is_refused(tmp_path):
    expand(tmp_path / "other", plan(ToyAugmenter()))
    with pytest.raises(DatasetError, match="its catalog entry names"):
        ExpansionDataset(filepath=str(tmp_path / "made")).save(Expansion(tmp_path / "other"))
