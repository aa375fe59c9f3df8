import logging
import warnings

import pytest

from guided_imagination.config.tree import Method
from guided_imagination.expansion.augmenters import Augmentation
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines.verify import conclude, create_pipeline, verify
from guided_imagination.utils.errors import InputError
from helpers.toy import plan

SENTENCE = "train-00001-of-00002.parquet: is missing: run its pipeline, which makes it again"


@pytest.fixture
def sound(tmp_path):
    expand(tmp_path / "sound", plan(load_augmenter=lambda: Augmentation(lambda images, rngs: 1 - images)))
    return Expansion(tmp_path / "sound")


def test_a_sound_an_absent_and_a_damaged_expansion(tmp_path, sound, caplog):
    expand(tmp_path / "damaged", plan(load_augmenter=lambda: Augmentation(lambda images, rngs: images)))
    (tmp_path / "damaged" / "train-00001-of-00002.parquet").unlink()
    expansions = [sound, Expansion(tmp_path / "absent"), Expansion(tmp_path / "damaged")]
    with caplog.at_level(logging.INFO):
        verdicts = verify(*expansions, names=["toys.a", "toys.b", "toys.c"])
    assert verdicts == {
        "toys.a": {"verdict": "intact", "findings": []},
        "toys.b": {"verdict": "absent", "findings": []},
        "toys.c": {"verdict": "faulty", "findings": [SENTENCE]},
    }
    assert "toys.a: intact, 8 images in 2 shards" in caplog.text
    assert f"toys.c: {SENTENCE}" in caplog.text


def test_an_unfinished_expansion_is_faulty(sound):
    (sound.folder / "manifest.json").unlink()
    assert verify(sound, names=["toys.a"])["toys.a"]["verdict"] == "faulty"


def verdicts(**found):
    return {f"toys.{name}": {"verdict": verdict, "findings": []} for name, verdict in found.items()}


def test_the_conclusion_names_what_cannot_be_trusted():
    conclude(verdicts(a="intact", b="absent"), verdicts(c="intact"))
    with pytest.raises(InputError, match=r"1 of 3 expansions cannot be trusted: toys\.c; the lines above and verdicts"):
        conclude(verdicts(a="intact", b="absent"), verdicts(c="faulty"))


def test_nothing_to_verify_is_no_success():
    with pytest.raises(InputError, match="there is no expansion to verify"):
        conclude(verdicts(a="absent"), verdicts(b="absent"))


def test_a_node_per_dataset_and_the_conclusion():
    made_by = {"original": None, "mae": "expand_mae", "cutout": "augment_baselines"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        pipeline = create_pipeline(["fashion", "pets"], {name: Method(pipeline=made) for name, made in made_by.items()})
    rows = {f"{dataset}.{method}.expanded" for dataset in ("fashion", "pets") for method in ("mae", "cutout")}
    assert {node.name for node in pipeline.nodes} == {"fashion.verify", "pets.verify", "conclude"}
    assert pipeline.inputs() == rows
    assert pipeline.outputs() == set()


def test_without_expansions_there_is_nothing_to_run():
    assert create_pipeline(["fashion"], {"original": Method()}).nodes == []
