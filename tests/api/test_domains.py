"""Images and models of the domains that ship, by name."""

import numpy as np
import pytest

import guided_imagination
from guided_imagination import InputError


def test_cells_are_expanded_in_colour_by_their_own_models():
    cells, _ = guided_imagination.example(seeds_per_class=2, dataset="blood")
    made = guided_imagination.expand(cells, ratio=1, preset="blood", settings={"expand_dalle": {"least_kappa": 0.5}})
    assert set(made["method"]) == {"gif_dalle"}
    assert (
        12 <= len(made) <= 16
    )  # one of each of two seeds of eight classes; what loses its class is drawn again, and then dropped
    pixels = np.stack([np.asarray(image, float) for image in made["image"]])
    assert np.abs(pixels[..., 0] - pixels[..., 2]).mean() > 15


def test_a_guide_of_another_domain_is_refused():
    cells, _ = guided_imagination.example(seeds_per_class=2, dataset="blood")
    with pytest.raises(InputError, match="the guide does not recognise these 8 classes"):
        guided_imagination.expand(cells, ratio=1)  # preset embedded: it knows garments


def test_what_does_not_ship_is_no_example():
    with pytest.raises(InputError, match="dataset = 'cars' does not ship; allowed: fashion, blood"):
        guided_imagination.example(dataset="cars")
