import re

import pytest
import torch
from torch import nn

from guided_imagination.config import Architecture, Recipe
from guided_imagination.config.augmentation import RandAugmentConfig
from guided_imagination.config.training import Crop, SoftLabels
from guided_imagination.training.network import build_model
from guided_imagination.training.recipe import (
    augment,
    batch_rows,
    build_optimizer,
    normalise,
    random_affine,
    recipe_key,
    soft_targets,
    updates,
)
from guided_imagination.utils.randomness import generator, seeded

IMAGES = torch.rand(6, 3, 8, 8, generator=generator("images"))
SMALL = Architecture(model="resnet10t", arguments={"channels": [8, 8, 8, 8]}, dense_stem=["pooling"])


def recipe(**changes):
    settings = {
        "updates": 10,
        "batch_size": 4,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "weight_decay": 0,
        "warmup": 0.2,
        "label_smoothing": 0,
        "rotation": 0,
        "translation": 0,
        "flip": 0,
    }
    return Recipe(**{**settings, **changes})


def test_an_affine_transform_of_no_strength_is_the_identity():
    torch.testing.assert_close(random_affine(IMAGES, 0, 0, 0), IMAGES, atol=1e-5, rtol=0)


def test_flip_one_mirrors_every_image():
    torch.testing.assert_close(random_affine(IMAGES, 0, 0, 1), IMAGES.flip(-1), atol=1e-5, rtol=0)


def test_flip_one_half_mirrors_some_images():
    with seeded("flip"):
        made = random_affine(IMAGES[:1].expand(100, -1, -1, -1), 0, 0, 0.5)
    mirrored = (made - IMAGES[:1].flip(-1)).abs().amax((1, 2, 3)) < 1e-4
    assert 35 <= mirrored.sum() <= 65  # 50 +- 3 standard deviations


def test_translation_moves_by_at_most_its_share_of_the_side():
    # on a ramp the grey level is the column: after a move by 2 of 8 columns a middle pixel has 4 +- 2
    ramp = torch.arange(8.0).expand(300, 3, 8, 8)
    with seeded("move"):
        moves = random_affine(ramp, 0, 0.25, 0)[:, 0, 4, 4] - 4
    assert moves.abs().max() <= 2 + 1e-4
    assert moves.min() < -1.8
    assert moves.max() > 1.8


def test_rotation_turns_by_at_most_its_degrees():
    # a ramp turned by angle a about the centre has the slope cos a along a row
    ramp = (torch.arange(33.0) - 16).expand(300, 3, 33, 33)
    with seeded("turn"):
        turned = random_affine(ramp, 30, 0, 0)[:, 0]
    cosines = turned[:, 16, 17] - turned[:, 16, 16]
    assert cosines.min() >= 0.866 - 1e-3  # cos 30
    assert cosines.min() < 0.88
    assert cosines.max() > 0.9999


def test_the_shape_is_kept():
    images = torch.rand(2, 3, 6, 10)
    assert random_affine(images, 15, 0.1, 0.5).shape == images.shape


def test_normalise_maps_grey_levels_to_plus_minus_one():
    levels = torch.tensor([0, 51, 255], dtype=torch.uint8)
    torch.testing.assert_close(normalise(levels), torch.tensor([-1.0, -0.6, 1.0]))


def test_a_crop_shows_a_part_of_its_area_anywhere_inside():
    """On ramps the shown part can be read off: its width and height from the slopes, its place from the middle."""
    x = torch.linspace(-64 / 65, 64 / 65, 65)  # where the centres of pixels lie
    x = x.expand(1, 65, 65)
    ramp = torch.stack([x, x.transpose(1, 2), torch.zeros_like(x)], 1).expand(400, -1, -1, -1)
    with seeded("crop"):
        shown = random_affine(ramp, 0, 0, 0, Crop(area=(0.5, 0.8), aspect=(0.75, 4 / 3)))
    width = (shown[:, 0, 32, 48] - shown[:, 0, 32, 16]) / (x[0, 0, 48] - x[0, 0, 16])
    height = (shown[:, 1, 48, 32] - shown[:, 1, 16, 32]) / (x[0, 0, 48] - x[0, 0, 16])
    area, aspect = width * height, width / height
    assert 0.48 < area.min() < 0.52 < 0.78 < area.max() < 0.82
    assert 0.73 < aspect.min() < 0.78 < 1.28 < aspect.max() < 1.36
    movable = width < 0.95
    middle = shown[movable, 0, 32, 32].abs() / (1 - width[movable])
    assert middle.max() <= 1.01, "the part lies inside the image"
    assert middle.max() > 0.95, "up to its border"
    assert middle.mean().item() == pytest.approx(0.5, abs=0.06)


def test_resize_and_random_crop_is_a_square_part():
    # 224 of 256 pixels: 49/64 of the area
    x = torch.linspace(-1, 1, 65).expand(1, 1, 65, 65).expand(20, 3, -1, -1)
    shown = random_affine(x, 0, 0, 0, Crop(area=(0.765625, 0.765625)))
    width = (shown[:, 0, 32, 48] - shown[:, 0, 32, 16]) / (x[0, 0, 0, 48] - x[0, 0, 0, 16])
    torch.testing.assert_close(width, torch.full((20,), 0.875), atol=1e-3, rtol=0)


def test_milestones_divide_the_learning_rate_by_ten():
    model = nn.Linear(1, 1)
    settings = recipe(updates=None, epochs=40, milestones=[21, 31], learning_rate=0.5, warmup=0)
    optimizer, schedule = build_optimizer(model, settings, steps=80)  # two updates per epoch
    rates = []
    for _ in range(80):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.5] * 42 + [0.05] * 20 + [0.005] * 18)


def test_milestones_need_epochs():
    with pytest.raises(ValueError, match="milestones are epochs, fewer than the recipe's own"):
        recipe(updates=10, milestones=[3])


@pytest.mark.parametrize("architecture", [Architecture(model="mobilenetv2_100"), SMALL], ids=lambda a: a.model)
def test_models_have_a_head_for_the_classes(architecture):
    model = build_model(architecture, 7)
    assert model.get_classifier().out_features == 7
    with torch.no_grad():
        assert model.eval()(torch.rand(1, 3, 32, 32)).shape == (1, 7)


@pytest.mark.parametrize(
    ("dense", "side"), [([], 1), (["pooling"], 2), (["convolution"], 2), (["convolution", "pooling"], 4)]
)
def test_a_dense_stem_keeps_the_resolution(dense, side):
    # 32 pixels shrink 32 times: the stem's convolution and pooling by 2 each, three stages by 2 each
    model = build_model(SMALL.model_copy(update={"dense_stem": dense}), 2)
    with torch.no_grad():
        assert model.eval().forward_features(torch.rand(1, 3, 32, 32)).shape[-2:] == (side, side)


def test_updates_are_the_same_for_every_size_or_follow_from_epochs():
    assert updates(recipe(updates=10), 1000) == 10
    assert updates(recipe(updates=None, epochs=3, batch_size=4), 10) == 8  # 30 samples in batches of 4


def test_passes_go_over_the_largest_row_and_give_every_row_its_updates():
    fixed = recipe(updates=None, passes=2.5, batch_size=4).resolved(10)
    assert (fixed.updates, fixed.passes) == (7, None)  # 25 images in batches of 4
    assert updates(fixed, 3) == updates(fixed, 1000) == 7
    assert recipe(updates=10).resolved(1000) == recipe(updates=10)
    with pytest.raises(ValueError, match="resolved"):
        updates(recipe(updates=None, passes=2), 10)


@pytest.mark.parametrize("nesterov", [True, False])
def test_momentum_is_nesterovs_if_the_recipe_says_so(nesterov):
    optimizer, _ = build_optimizer(nn.Linear(1, 1), recipe(nesterov=nesterov), 10)
    assert optimizer.defaults["nesterov"] is nesterov
    assert optimizer.defaults["momentum"] == 0.9


def test_recipes_that_differ_in_anything_have_keys_that_no_table_takes_for_numbers():
    recipes = [recipe(), recipe(mixup=0.1), recipe(updates=11), recipe(randaugment="rand-m9")]
    assert len({recipe_key(each) for each in recipes}) == 4
    assert recipe_key(recipe()) == recipe_key(recipe())
    assert re.fullmatch("r[0-9a-f]{8}", recipe_key(recipe()))


def test_the_learning_rate_warms_up_and_ends_at_zero():
    model = nn.Linear(1, 1)
    optimizer, schedule = build_optimizer(model, recipe(learning_rate=0.1, warmup=0.2), 10)
    rates = []
    for _ in range(10):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates[:3] == pytest.approx([0, 0.05, 0.1])
    assert rates[6] == pytest.approx(0.05)  # half way of the cosine's 8 steps
    assert schedule.get_last_lr()[0] == pytest.approx(0)


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_the_optimizer_is_the_recipes(name, kind):
    optimizer, _ = build_optimizer(nn.Linear(1, 1), recipe(optimizer=name, weight_decay=0.03), 10)
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["weight_decay"] == 0.03


PIXELS = torch.randint(256, (6, 3, 8, 8), dtype=torch.uint8, generator=generator("pixels"))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def batch(**changes):
    with seeded("batch"):
        return augment(PIXELS, LABELS, recipe(**changes), 3, torch.device("cpu"))


def test_a_plain_recipe_only_normalises():
    images, labels = batch()
    torch.testing.assert_close(images, PIXELS / 127.5 - 1, atol=1e-5, rtol=0)
    assert torch.equal(labels, LABELS)


def test_mixup_mixes_neighbours_and_their_labels_by_one_share():
    images, labels = batch(mixup=1.0)
    share = labels[0, 0]  # of image 0, which has label 0; its neighbour has label 2
    assert 0 < share < 1
    expected = torch.tensor([1.0, 0, 0]) * share + torch.tensor([0, 0, 1.0]) * (1 - share)
    torch.testing.assert_close(labels[0], expected)
    plain, _ = batch()
    torch.testing.assert_close(images[0], share * plain[0] + (1 - share) * plain[-1], atol=1e-4, rtol=0)


def test_cutmix_labels_are_shares_of_pixels():
    images, labels = batch(cutmix=1.0)
    plain, _ = batch()
    kept = (images[0] - plain[0]).abs().amax(0) < 1e-4
    assert 0 < kept.sum() < 64
    torch.testing.assert_close(labels[0, 0], kept.float().mean())


def test_with_both_every_batch_draws_one_of_them():
    torch.manual_seed(0)
    plain, _ = batch()
    both = recipe(mixup=1.0, cutmix=1.0)
    made = [augment(PIXELS, LABELS, both, 3, torch.device("cpu"))[0] for _ in range(30)]
    cut = [bool(((images[0] - plain[0]).abs().amax(0) < 1e-4).any()) for images in made]
    assert 5 <= sum(cut) <= 25


def test_randaugment_on_the_fly_draws_anew_for_every_image_and_step():
    same = PIXELS[:1].expand(6, -1, -1, -1)
    policy = recipe(randaugment="rand-m9-n2-mstd0.5")
    with seeded("one"):
        first, _ = augment(same, LABELS, policy, 3, torch.device("cpu"))
    with seeded("one"):
        again, _ = augment(same, LABELS, policy, 3, torch.device("cpu"))
    with seeded("two"):
        second, _ = augment(same, LABELS, policy, 3, torch.device("cpu"))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert len(first.flatten(1).unique(dim=0)) > 1
    assert first.abs().max() <= 1 + 1e-5


def test_a_soft_target_is_the_weighted_sum_of_label_and_teacher():
    log_probs = torch.tensor([[0.9, 0.1], [0.5, 0.5]]).log()
    made = soft_targets(torch.tensor([1, 0]), log_probs, SoftLabels(weight=0.25, temperature=2))
    # square roots of 0.9 and 0.1 are as 3 to 1
    torch.testing.assert_close(made, torch.tensor([[0.25 * 0.75, 0.75 + 0.25 * 0.25], [0.75 + 0.125, 0.125]]))


def test_without_weight_the_label_stays():
    made = soft_targets(torch.tensor([1]), torch.tensor([[0.9, 0.1]]).log(), SoftLabels(weight=0, temperature=1))
    assert made.tolist() == [[0, 1]]


def test_of_every_batch_the_share_asked_for_is_real():
    rows = [batch_rows(step, 40, 8, recipe(batch_size=10, real_share=0.3), 0) for step in range(32)]
    assert all((batch < 8).sum() == 3 and len(batch) == 10 for batch in rows)
    seen = torch.cat(rows).bincount(minlength=40)
    assert (seen[:8] == 12).all() and (seen[8:] == 7).all()  # 96 of 8 seeds, 224 of 32 new images


@pytest.mark.parametrize(("size", "real"), [(40, 40), (40, 0)])
def test_a_row_of_one_kind_has_no_shares(size, real):
    shared, plain = (batch_rows(3, size, real, recipe(real_share=share), 0) for share in (0.5, None))
    assert torch.equal(shared, plain)


def test_soft_labels_are_not_mixed():
    with pytest.raises(ValueError, match="soft_labels cannot be combined with mixup or cutmix"):
        recipe(mixup=0.2, soft_labels={"weight": 0.5, "temperature": 2})


@pytest.mark.parametrize("share", [0, 0.001, 1])
def test_a_batch_may_be_all_real_or_all_new(share):
    batch = batch_rows(3, 40, 8, recipe(batch_size=10, real_share=share), 0)
    assert len(batch) == 10
    assert (batch < 8).all() if share == 1 else (batch >= 8).all()


@pytest.mark.parametrize("policy", ["rand-x5", "strong", "rand-m", "rand-mstd", "rand-tall"])
def test_a_policy_that_timm_does_not_know_is_refused(policy):
    with pytest.raises(ValueError, match="should match pattern"):
        recipe(randaugment=policy)
    with pytest.raises(ValueError, match="should match pattern"):
        RandAugmentConfig(policy=policy)


@pytest.mark.parametrize(
    "policy", ["rand-m9", "rand-m10-n2-mstd0.5", "rand-mstd1-tweights", "rand-m7-inc1-mmax20-p0.3"]
)
def test_timm_s_policies_are_taken(policy):
    from timm.data.auto_augment import rand_augment_transform

    assert RandAugmentConfig(policy=policy).policy == policy
    rand_augment_transform(policy, {})
