import pytest

from guided_imagination.config import check
from guided_imagination.config.defaults import defaults
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.config.strict import merged
from guided_imagination.pretraining.stages import check_models
from guided_imagination.utils.errors import InputError


def config(**changes):
    return PretrainConfig.model_validate(merged(defaults()["pretrain"], changes))


def fashion(**changes):
    return config(domains={"fashion": changes})


def test_another_setting_of_a_model_has_another_checkpoint():
    first, second = config(checkpoints="kept"), fashion(clip={"steps": 211})
    assert first.checkpoint("clip", "a").name != second.checkpoint("clip", "a").name
    assert first.checkpoint("mae", "a").name == second.checkpoint("mae", "a").name
    assert first.checkpoint("mae", "a").parent.parts == ("kept", "fashion")


def test_what_a_model_learns_from_names_its_checkpoint():
    assert config().checkpoint("movq", "a") != config().checkpoint("movq", "b")
    assert config().checkpoint("unclip", "a", "clip") != config().checkpoint("unclip", "a", "other clip")


def test_what_only_the_card_says_changes_no_checkpoint():
    changed = fashion(title="clothes", credit="me", images={"licence": "cc-by-4.0"})
    assert changed.checkpoint("clip", "a") == config().checkpoint("clip", "a")


def test_pictures_of_models_that_ship_are_in_the_documentation_others_beside_them():
    assert config().pictures == "docs"
    assert config(output="mine").pictures == "mine"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"domain": "cars"}, "domain: 'cars' is not known; allowed: fashion, blood"),
        (
            {"domains": {"blood": {"clip": {"momentum": 0.9}}}},
            "domains.blood.clip.momentum is not a known key",
        ),
        ({"domains": {"blood": {"attributes": {"stain": {"measure": "smell"}}}}}, "brightness"),
        ({"domains": {"blood": {"templates": ["a cell"]}}}, "must hold {} exactly once"),
        (
            {"domains": {"blood": {"images": {"split": "mine.json"}}}},
            "domains.blood.images.split is not a known key",
        ),
        (
            {"domains": {"blood": {"shares": {"pool": {"part": "val"}}}}},
            "shares.pool.part: 'val' is not in images.seeds; allowed: train",
        ),
        (
            {"domains": {"blood": {"shares": {"near_duplicates": {"part": "train"}}}}},
            "'near_duplicates' is reserved for what the pipeline split finds",
        ),
        ({"domains": {"blood": {"mae": {"steps": 100}}}}, "warmup_steps = 100 is not less than steps = 100"),
        ({"domains": {"blood": {"mae": {"weight_decay": -1}}}}, "greater than or equal to 0"),
        (
            {"domains": {"blood": {"images": {"resolution": 64}}}},
            "clip.model.vision_config.image_size = 32 has to be 64, as images.resolution is",
        ),
        (
            {"domains": {"blood": {"clip": {"model": {"projection_dim": 48}}}}},
            "unclip.model.encoder_hid_dim = 64 has to be 48, as clip.model.projection_dim is",
        ),
    ],
)
def test_a_wrong_setting_is_explained(changes, sentence):
    with pytest.raises(InputError) as caught:
        check(merged(defaults(), {"pretrain": changes}))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mae": {"model": {"num_hidden_layer": 4}}}, "fashion.mae.model.num_hidden_layer is not a known key"),
        ({"clip": {"model": {"vision_config": {"depth": 4}}}}, "clip.model.vision_config.depth is not a known key"),
        ({"unclip": {"model": {"blocks": 4}}}, "unclip.model.blocks is not a known key; UNet2DConditionModel has"),
    ],
)
def test_a_key_that_the_class_of_a_model_would_ignore_is_refused(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        check_models(fashion(**changes))


@pytest.mark.parametrize("name", ["fashion", "blood", "bloodmnist"])
def test_the_domains_of_conf_base_have_known_keys(name):
    check_models(config(domain=name))
