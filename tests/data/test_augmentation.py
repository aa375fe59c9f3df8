import random
from functools import partial

import numpy as np
import pytest
import torch

from guided_imagination.config.augmentation import CutoutConfig, GridMaskConfig, RandAugmentConfig
from guided_imagination.data.augmentation import cutout, gridmask, randaugment
from guided_imagination.utils.randomness import generator

ALL = {
    "cutout": partial(cutout, config=CutoutConfig(length=0.5)),
    "gridmask": partial(gridmask, config=GridMaskConfig(period=(0.3, 0.7), keep=0.6)),
    "randaugment": partial(randaugment, config=RandAugmentConfig(policy="rand-m10-n2-mstd0.5")),
}
every = pytest.mark.parametrize("augment", ALL.values(), ids=ALL)


def rngs(count):
    return [generator("augment", index) for index in range(count)]


@every
def test_shape_and_range_are_kept(augment):
    images = torch.rand(5, 3, 24, 32, generator=generator("images"))
    made = augment(images, rngs(5))
    assert made.shape == images.shape
    assert made.dtype == images.dtype
    assert 0 <= made.min() <= made.max() <= 1


@every
def test_an_image_does_not_depend_on_the_others(augment):
    images = torch.rand(4, 3, 32, 32, generator=generator("images"))
    together = augment(images, rngs(4))
    assert torch.equal(augment(images[2:3], rngs(4)[2:3]), together[2:3])


@every
def test_other_random_seeds_give_other_images(augment):
    image = torch.rand(1, 3, 32, 32, generator=generator("images"))
    made = augment(image.expand(20, -1, -1, -1), rngs(20))
    # timm applies each of RandAugment's two operations with chance one half: a quarter stays as it is
    assert len(made.unique(dim=0)) > 10


def test_cutout_blacks_out_one_square_of_the_asked_size_and_nothing_else():
    images = torch.rand(200, 3, 32, 32, generator=generator("images")) * 0.9 + 0.1
    made = cutout(images, rngs(200), CutoutConfig(length=0.5))
    whole = 0
    for before, after in zip(images, made, strict=True):
        black = (after == 0).all(0)
        assert torch.equal(after[:, ~black], before[:, ~black])
        rows, columns = black.any(1).nonzero().flatten(), black.any(0).nonzero().flatten()
        assert black.sum() == len(rows) * len(columns)  # a filled rectangle
        inside = rows[0] > 0 and rows[-1] < 31 and columns[0] > 0 and columns[-1] < 31
        if inside:  # nothing was cut off at the border: half the side in both directions
            assert (len(rows), len(columns)) == (16, 16)
            whole += 1
        else:
            assert len(rows) <= 16
            assert len(columns) <= 16
    assert whole > 20  # the centre is in the middle quarter of the image with chance (15/32)^2 = 22 %


def test_cutout_of_no_length_changes_nothing():
    images = torch.rand(2, 3, 32, 32, generator=generator("images"))
    assert torch.equal(cutout(images, rngs(2), CutoutConfig(length=0)), images)


@pytest.mark.parametrize("keep", [0.4, 0.6, 0.9])
def test_gridmask_keeps_the_asked_share_of_the_area(keep):
    made = gridmask(torch.ones(200, 3, 32, 32), rngs(200), GridMaskConfig(period=(0.3, 0.7), keep=keep))
    assert set(made.unique().tolist()) == {0, 1}
    assert made.mean().item() == pytest.approx(keep, abs=0.02)


def test_gridmask_masks_all_channels_alike_and_leaves_the_rest():
    images = torch.rand(3, 3, 32, 32, generator=generator("images")) * 0.9 + 0.1
    made = gridmask(images, rngs(3), GridMaskConfig(period=(0.3, 0.7), keep=0.6))
    black = (made == 0).all(1, keepdim=True)
    assert torch.equal(made, images.masked_fill(black, 0))


def test_gridmask_that_keeps_everything_changes_nothing():
    images = torch.rand(2, 3, 32, 32, generator=generator("images"))
    assert torch.equal(gridmask(images, rngs(2), GridMaskConfig(period=(0.3, 0.7), keep=1)), images)


def test_randaugment_depends_on_its_generator_only():
    images = torch.rand(8, 3, 32, 32, generator=generator("images"))
    random.seed(1)
    np.random.seed(1)
    first = ALL["randaugment"](images, rngs(8))
    random.seed(2)
    np.random.seed(2)
    assert torch.equal(ALL["randaugment"](images, rngs(8)), first)


@every
def test_global_random_states_are_left_untouched(augment):
    python, numpy, torch_ = random.getstate(), np.random.get_state(), torch.get_rng_state()
    augment(torch.rand(2, 3, 32, 32, generator=generator("images")), rngs(2))
    assert random.getstate() == python
    assert np.array_equal(np.random.get_state()[1], numpy[1])
    assert np.random.get_state()[2] == numpy[2]
    assert torch.equal(torch.get_rng_state(), torch_)
