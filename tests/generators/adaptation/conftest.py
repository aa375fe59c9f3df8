"""Tiny generators of all four kinds in folders, as `save_pretrained` writes them, and seeds to adapt them to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guided_imagination.config.expansion import AdaptConfig, ExpandConfig, Expander
from guided_imagination.config.guidance import Criteria
from guided_imagination.config.models import (
    GuideConfig,
    MaeConfig,
    StableDiffusionConfig,
    StableUnclipConfig,
    UnclipConfig,
)
from guided_imagination.generators.adaptation import adapt as adaptation
from helpers import settings, tiny
from helpers.settings import COMPUTE, SPEC
from helpers.toy import dataset

SIDE = 16
SEEDS = dataset([0, 1, 0, 1], side=SIDE)


@pytest.fixture(scope="session")
def models(
    tmp_path_factory, clip_model, clip_processor, mae_processor, kandinsky, stable_unclip, stable_diffusion
) -> Path:
    """A folder with a sub-folder for every kind and one for the guide."""
    folder = tmp_path_factory.mktemp("models")
    for name, parts in {
        "guide": [clip_model, clip_processor],
        "mae": [tiny.mae(), mae_processor],
        "unclip": [kandinsky],
        "stable_unclip": [stable_unclip],
        "stable_diffusion": [stable_diffusion],
    }.items():
        for part in parts:
            part.save_pretrained(folder / name)
    return folder


@pytest.fixture
def expander(models) -> Callable[..., Expander]:
    """Settings that adapt one kind of generator; `changes` go to AdaptConfig, or to the generator if it has them."""

    def of(kind: str, **changes: Any) -> Expander:
        place = {"kind": kind, "model": str(models / kind)}
        sampling = {**place, "image_size": SIDE, "inference_steps": 2, "guidance_scale": 2}
        generators = {
            "mae": lambda **own: MaeConfig(**{**place, "decoding": "full", **own}),
            "unclip": lambda **own: UnclipConfig(**{**sampling, **own}),
            "stable_unclip": lambda **own: StableUnclipConfig(**{**sampling, "noise_level": 10, **own}),
            "stable_diffusion": lambda **own: StableDiffusionConfig(
                **{**sampling, "strength": 0.5, "rotation": 0, "flip": 0, "domains": ["a"], "adjectives": [""], **own}
            ),
        }
        training = {"steps": 4, "batch_size": 4, "learning_rate": 1e-2, "rank": 2}
        training |= {"weights": "adapter", "schedule": "cosine"}
        own = {key: value for key, value in changes.items() if key not in training}
        training |= {key: value for key, value in changes.items() if key in training}
        rest = {"eps": 1, "steps": 1, "step_size": 1, "redraws": 0, "rejected": "keep", "criteria": "toy"}
        sizes = {"seeds_per_shard": 1, "seeds_per_batch": 1, "images_per_batch": 1}
        return Expander(
            config=ExpandConfig(generator=kind, guide="clip", adapt=AdaptConfig(**training), **rest, **sizes),
            generator=generators[kind](**own),
            guide=GuideConfig(model=str(models / "guide")),
            criteria=Criteria(
                hold="label", weights={"diversity": 1}, logit_scale=1, temperature=1, gradient="straight_through"
            ),
        )

    return of


@pytest.fixture
def adapt(expander, tmp_path) -> Callable[..., dict[str, Any]]:
    """Adapt a kind of generator in the folder `name` of the test's own."""

    def run(
        kind: str, name: str = "adapted", seeds=SEEDS, precision: str = "float32", **changes: Any
    ) -> dict[str, Any]:
        own = {"spec": SPEC.overridden({"resolution": SIDE}), "models_dir": str(tmp_path / name)}
        compute = COMPUTE.overridden({"precision": precision})
        return adaptation.adapt(seeds, settings.adaptation(expander(kind, **changes), compute=compute, **own))

    return run
