from guided_imagination.config.datasets import KEYS_BY_KIND
from guided_imagination.data.sources import OPENERS, PLACES


def test_every_kind_of_the_settings_can_be_opened_and_says_what_it_reads():
    assert set(OPENERS) == set(PLACES) == set(KEYS_BY_KIND)
