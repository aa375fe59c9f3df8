import pytest

from guided_imagination.config import check
from guided_imagination.config.defaults import defaults
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.config.strict import merged
from guided_imagination.utils.errors import InputError


def config(**changes):
    return PretrainConfig.model_validate(merged(defaults()["pretrain"], changes))


def fashion(**changes):
    return config(domains={"fashion": changes})


def test_another_setting_of_a_model_has_another_checkpoint():
    first, second = config(checkpoints="kept"), fashion(clip={"steps": 11})
    assert first.checkpoint("clip", "ab") != second.checkpoint("clip", "ab")
    assert first.checkpoint("mae", "ab").name == second.checkpoint("mae", "ab").name
    assert first.checkpoint("mae", "ab").parent.parts == ("kept", "fashion")


def test_other_images_have_another_checkpoint_and_their_order_has_none():
    first = config()
    assert first.checkpoint("movq", "ab") == first.checkpoint("movq", "ba")
    assert first.checkpoint("movq", "ab") != first.checkpoint("movq", "ac")
    assert first.checkpoint("movq", "ab").name != fashion(border=1).checkpoint("movq", "ab").name


def test_the_decoder_learns_from_clip_and_autoencoder():
    first = config()
    for before in ("clip", "movq"):
        assert fashion(**{before: {"steps": 11}}).checkpoint("unclip", "ab") != first.checkpoint("unclip", "ab")
    assert fashion(mae={"steps": 11}).checkpoint("unclip", "ab") == first.checkpoint("unclip", "ab")


def test_what_only_the_card_says_changes_no_checkpoint():
    assert fashion(title="clothes", credit="me").checkpoint("clip", "a") == config().checkpoint("clip", "a")


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
    ],
)
def test_a_wrong_setting_is_explained(changes, sentence):
    with pytest.raises(InputError) as caught:
        check(merged(defaults(), {"pretrain": changes}))
    assert sentence in str(caught.value)
