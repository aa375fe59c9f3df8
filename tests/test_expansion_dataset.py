import pytest
from kedro.io import DatasetError

from guided_imagination.datasets.expansion import ExpansionDataset
from guided_imagination.utils.errors import InputError
from helpers.toy import ToyAugmenter, plan


def test_saving_a_plan_makes_the_expansion_that_is_loaded(tmp_path):
    expanded = ExpansionDataset(filepath=str(tmp_path / "made"))
    assert not expanded.exists()
    expanded.save(plan(ToyAugmenter()))
    assert expanded.exists()
    assert len(list(expanded.load().stream())) == 8


def test_an_unfinished_expansion_does_not_exist_and_says_so(tmp_path):
    expanded = ExpansionDataset(filepath=str(tmp_path / "made"))
    with pytest.raises((KeyboardInterrupt, DatasetError)):
        expanded.save(plan(ToyAugmenter(fail_at=1)))
    assert not expanded.exists()
    with pytest.raises(InputError, match="no complete expansion"):
        next(expanded.load().stream())


@pytest.mark.parametrize("damage", ["delete", "truncate"])
def test_an_expansion_exists_only_while_every_shard_does(tmp_path, damage):
    expanded = ExpansionDataset(filepath=str(tmp_path))
    expanded.save(plan(ToyAugmenter()))
    shard = next(tmp_path.glob("*.parquet"))
    if damage == "delete":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:-1])
    assert not expanded.exists()
    expanded.save(plan(ToyAugmenter()))
    assert expanded.exists()
