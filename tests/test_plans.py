import pytest
import torch

from guided_imagination.config import AugmentConfig, DatasetSpec, ExpandConfig
from guided_imagination.plans import augmentation_plan, imagination_plan
from guided_imagination.randomness import generator
from toy import dataset, guidance

CONFIG = ExpandConfig(
    generator={"kind": "mae", "model": "nowhere/mae", "decoding": "full"},
    clip="nowhere/clip",
    eps=0.5,
    criteria="toy",
    steps=3,
    step_size=0.1,
    redraws=1,
    rejected="drop",
    seeds_per_shard=2,
    seeds_per_batch=2,
)
SPEC = DatasetSpec(train="train", test="test", resolution=4, templates=["a {}."])
BASELINES = AugmentConfig(
    cutout={"length": 0.5},
    gridmask={"period": (0.3, 0.7), "keep": 0.6},
    randaugment={"policy": "rand-m10-n2-mstd0.5"},
)


def fingerprint(seeds=None, spec=SPEC, config=CONFIG, criteria=None, guided=True, ratio=2, seed=0, overwrite=False):
    plan = imagination_plan(
        seeds or dataset([0, 1]),
        spec,
        config,
        criteria or guidance().criteria,
        method="gif_mae",
        guided=guided,
        ratio=ratio,
        seed=seed,
        overwrite=overwrite,
    )
    return plan.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": dataset([0, 0])},
        {"seeds": dataset([0, 1], names=["cat", "wolf"])},  # CLIP is asked about other classes
        {"spec": SPEC.model_copy(update={"templates": ["the {}."]})},
        {"spec": SPEC.model_copy(update={"resolution": 8})},
        {"config": CONFIG.model_copy(update={"eps": 0.4})},
        {"config": CONFIG.model_copy(update={"redraws": 2})},
        {
            "config": CONFIG.model_copy(
                update={"generator": CONFIG.generator.model_copy(update={"decoding": "residual"})}
            )
        },
        {"criteria": guidance(temperature=1).criteria},
        {"criteria": guidance(weights={"entropy": 1}).criteria},
        {"guided": False},
        {"ratio": 3},
        {"seed": 1},
    ],
    ids=[
        "label",
        "class name",
        "template",
        "resolution",
        "eps",
        "redraws",
        "decoding",
        "temperature",
        "weights",
        "guided",
        "ratio",
        "seed",
    ],
)
def test_whatever_shapes_the_images_changes_the_fingerprint(change):
    assert fingerprint(**change) != fingerprint()


def test_overwriting_does_not_change_the_fingerprint():
    assert fingerprint(overwrite=True) == fingerprint()


@pytest.mark.parametrize("method", ["cutout", "gridmask", "randaugment"])
def test_a_baseline_makes_one_image_per_generator(method):
    plan = augmentation_plan(dataset([0, 1]), SPEC, BASELINES, method=method, ratio=2, seed=0, overwrite=False)
    made = plan.load_maker().transform(torch.rand(3, 3, 8, 8), [generator(index) for index in range(3)])
    assert made.shape == (3, 3, 8, 8)


def test_a_baselines_fingerprint_holds_its_own_settings_only():
    plan = augmentation_plan(dataset([0, 1]), SPEC, BASELINES, method="cutout", ratio=2, seed=0, overwrite=False)
    assert plan.fingerprint["length"] == 0.5
    assert "keep" not in plan.fingerprint
