import pytest
from kedro.io import DatasetError

from guided_imagination.datasets import ExpansionDataset
from toy import ToyMaker, plan


def test_saving_a_plan_makes_the_expansion_that_is_loaded(tmp_path):
    expanded = ExpansionDataset(filepath=str(tmp_path / "made"))
    assert not expanded.exists()
    expanded.save(plan(ToyMaker()))
    assert expanded.exists()
    assert len(list(expanded.load().stream())) == 8


def test_an_unfinished_expansion_does_not_exist_and_says_so(tmp_path):
    expanded = ExpansionDataset(filepath=str(tmp_path / "made"))
    with pytest.raises((KeyboardInterrupt, DatasetError)):
        expanded.save(plan(ToyMaker(fail_at=1)))
    assert not expanded.exists()
    with pytest.raises(DatasetError, match="no complete expansion"):
        expanded.load()
