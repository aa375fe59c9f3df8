import pytest

from guided_imagination.planning import measure
from helpers.settings import SPEC, row
from helpers.toy import dataset


class EnoughError(Exception):
    pass


def test_the_guide_of_an_audit_is_told_words(monkeypatch):
    told = []

    def load(guide, names, *_):
        told.extend(names)
        raise EnoughError

    monkeypatch.setattr(measure, "load_zero_shot", load)
    seeds = dataset([0, 1], names=["001.Snowy_owl", "bkj"])
    with pytest.raises(EnoughError):
        measure.audit(seeds, row(spec=SPEC.overridden({"names": {"bkj": "blue jay"}})))
    assert told == ["Snowy owl", "blue jay"]
