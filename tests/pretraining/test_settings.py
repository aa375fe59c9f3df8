import pytest
from pydantic import ValidationError

from guided_imagination.config.pretraining import PretrainConfig

STAGE = {"steps": 10, "batch_size": 2, "learning_rate": 0.1, "model": {}}
CONFIG = {"class_names": ["a"], "output": "out", "checkpoints": "kept"} | dict.fromkeys(
    ("clip", "movq", "unclip", "mae"), STAGE
)


def test_another_setting_has_another_checkpoint():
    first, second = PretrainConfig(**CONFIG), PretrainConfig(**CONFIG | {"clip": STAGE | {"steps": 11}})
    assert first.checkpoint("clip") != second.checkpoint("clip")
    assert first.checkpoint("mae") == second.checkpoint("mae")
    assert first.checkpoint("mae").parent.name == "kept"


def test_an_unknown_key_is_refused():
    with pytest.raises(ValidationError, match="momentum"):
        PretrainConfig(**CONFIG | {"clip": STAGE | {"momentum": 0.9}})
