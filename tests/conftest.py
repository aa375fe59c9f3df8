"""Tiny models with random weights, of the same classes as the real ones, and what is built once for all tests.

Whatever takes seconds to import is imported where it is needed: pytest-xdist loads this file in its main process too.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from helpers.project import ROOT, built_once
from helpers.real_images import breast, mark, photographs, real_images  # noqa: F401 (fixtures)

if TYPE_CHECKING:
    import torch
    from diffusers import (
        KandinskyV22Pipeline,
        StableDiffusionImg2ImgPipeline,
        StableUnCLIPImg2ImgPipeline,
        VQModel,
    )
    from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer, ViTImageProcessor, ViTMAEForPreTraining

    from guided_imagination.models.clip import Guide

os.environ["OMP_NUM_THREADS"] = "1"  # nothing here is large enough to share; workers and subprocesses neither
settings.register_profile("default", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("default")

WIDTH = 8


@pytest.fixture(scope="session", autouse=True)
def _light_workers() -> None:
    """Workers of tests begin with torch alone; all that real ones need takes ten seconds to import."""
    from guided_imagination.utils.workers import local

    original = local.context_of
    local.context_of = lambda preload: original(["torch"])


@pytest.fixture(scope="session")
def clip_processor() -> CLIPProcessor:
    from guided_imagination.config.defaults import defaults
    from guided_imagination.pretraining.clip import build_processor
    from helpers import tiny, toy

    templates = defaults()["pretrain"]["domains"]["fashion"]["templates"]
    corpus = [template.format(name) for template in templates for name in toy.NAMES]
    return build_processor(corpus, image_size=32, mean=[0.4] * 3, std=[0.3] * 3, context=tiny.CONTEXT)


@pytest.fixture(scope="session")
def clip_model(clip_processor) -> CLIPModel:
    from helpers import tiny

    return tiny.clip(clip_processor.tokenizer, WIDTH)


@pytest.fixture(scope="session")
def guide(clip_model, clip_processor) -> Guide:
    from guided_imagination.models.clip import Guide, JointEncoders
    from helpers.toy import NAMES

    image_processor, tokenizer = clip_processor.image_processor, clip_processor.tokenizer
    return Guide(JointEncoders(clip_model), image_processor, tokenizer, NAMES, ["a photo of a {}.", "a {}."])


@pytest.fixture(scope="session")
def mae_processor() -> ViTImageProcessor:
    from transformers import ViTImageProcessor

    return ViTImageProcessor(size={"height": 16, "width": 16}, image_mean=[0.5] * 3, image_std=[0.5] * 3)


@pytest.fixture
def mae_model() -> ViTMAEForPreTraining:
    """Made for each test, as a generator sets the mask ratio of its model."""
    from helpers import tiny

    return tiny.mae()


@pytest.fixture(scope="session")
def movq() -> VQModel:
    from helpers import tiny

    return tiny.movq()


@pytest.fixture(scope="session")
def kandinsky(movq) -> KandinskyV22Pipeline:
    from helpers import tiny

    return tiny.kandinsky(movq, WIDTH)


@pytest.fixture(scope="session")
def tokenizer() -> CLIPTokenizer:
    from helpers import tiny

    return tiny.clip_tokenizer()


@pytest.fixture(scope="session")
def stable_unclip(tokenizer) -> StableUnCLIPImg2ImgPipeline:
    from helpers import tiny

    return tiny.stable_unclip(tokenizer, WIDTH)


@pytest.fixture(scope="session")
def stable_diffusion(tokenizer) -> StableDiffusionImg2ImgPipeline:
    from helpers import tiny

    return tiny.stable_diffusion(tokenizer)


@pytest.fixture(scope="session")
def hub(tmp_path_factory) -> Path:
    """A hub cache with every model of the configuration, tiny."""
    pytest.importorskip("sentencepiece")
    from helpers.hub import build

    return built_once(tmp_path_factory, "hub", build)


@pytest.fixture(scope="session")
def bootstrapped() -> None:
    """Kedro knows the project."""
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(ROOT)


@pytest.fixture
def project(bootstrapped, monkeypatch) -> None:
    """The project is the working directory, for runs of it in this process."""
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="session")
def mlflow_template(tmp_path_factory) -> Path:
    """An empty MLflow database: making one takes seconds of migrations, copying it none."""

    def build(folder: Path) -> None:
        from mlflow import MlflowClient

        MlflowClient(f"sqlite:///{folder}/mlflow.db").search_experiments()

    return built_once(tmp_path_factory, "mlflow", build) / "mlflow.db"


@pytest.fixture
def mlflow_database(mlflow_template, tmp_path) -> Path:
    """An empty MLflow database of this test's own."""
    return Path(shutil.copy(mlflow_template, tmp_path / "mlflow.db"))


@pytest.fixture
def offline(hub, monkeypatch) -> Path:
    """The hub's libraries see this cache and no network."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return hub


@pytest.fixture
def images() -> torch.Tensor:
    """(3, 3, 32, 32) in [0, 1], whole eighth-bit steps."""
    import torch

    return torch.randint(256, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0)) / 255


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole runs first: a worker that begins one last lets the others wait."""
    mark(items)
    items.sort(key=lambda item: "integration" not in item.path.parts)
