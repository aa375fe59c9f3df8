"""Tiny models with random weights, of the same classes as the real ones, and what is built once for all tests."""

import shutil
from pathlib import Path

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    KandinskyV22Pipeline,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableUnCLIPImg2ImgPipeline,
    VQModel,
)
from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer
from hypothesis import settings
from kedro.framework.startup import bootstrap_project
from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer, ViTImageProcessor, ViTMAEForPreTraining

from guided_imagination.models.clip import Guide, JointEncoders
from guided_imagination.pretraining.clip import build_processor
from guided_imagination.pretraining.unclip import SCHEDULER
from helpers import tiny
from helpers.project import ROOT, built_once
from helpers.toy import NAMES

settings.register_profile("default", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("default")
torch.set_num_threads(1)  # nothing here is large enough to share

WIDTH = 8


@pytest.fixture(scope="session")
def clip_processor() -> CLIPProcessor:
    return build_processor(NAMES, image_size=32, mean=0.4, std=0.3, context=tiny.CONTEXT)


@pytest.fixture(scope="session")
def clip_model(clip_processor) -> CLIPModel:
    return tiny.clip(clip_processor.tokenizer, WIDTH)


@pytest.fixture(scope="session")
def guide(clip_model, clip_processor) -> Guide:
    image_processor, tokenizer = clip_processor.image_processor, clip_processor.tokenizer
    return Guide(JointEncoders(clip_model), image_processor, tokenizer, NAMES, ["a photo of a {}.", "a {}."])


@pytest.fixture(scope="session")
def mae_processor() -> ViTImageProcessor:
    return ViTImageProcessor(size={"height": 16, "width": 16}, image_mean=[0.5] * 3, image_std=[0.5] * 3)


@pytest.fixture(scope="session")
def mae_model() -> ViTMAEForPreTraining:
    return tiny.mae()


@pytest.fixture(scope="session")
def movq() -> VQModel:
    return tiny.movq()


@pytest.fixture(scope="session")
def kandinsky(movq) -> KandinskyV22Pipeline:
    return KandinskyV22Pipeline(unet=tiny.kandinsky_unet(WIDTH), scheduler=DDIMScheduler(**SCHEDULER), movq=movq)


@pytest.fixture(scope="session")
def tokenizer() -> CLIPTokenizer:
    return tiny.clip_tokenizer()


@pytest.fixture(scope="session")
def stable_unclip(tokenizer) -> StableUnCLIPImg2ImgPipeline:
    normalizer = StableUnCLIPImageNormalizer(WIDTH)
    with torch.no_grad():
        normalizer.std.fill_(0.5)
    return StableUnCLIPImg2ImgPipeline(
        feature_extractor=None,
        image_encoder=tiny.image_encoder(WIDTH),
        image_normalizer=normalizer,
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=tokenizer,
        text_encoder=tiny.text_encoder(tokenizer),
        unet=tiny.text_unet(class_embed_type="projection", projection_class_embeddings_input_dim=2 * WIDTH),
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        vae=tiny.vae(),
    )


@pytest.fixture(scope="session")
def stable_diffusion(tokenizer) -> StableDiffusionImg2ImgPipeline:
    return StableDiffusionImg2ImgPipeline(
        vae=tiny.vae().requires_grad_(False),
        text_encoder=tiny.text_encoder(tokenizer),
        tokenizer=tokenizer,
        unet=tiny.text_unet(),
        scheduler=PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture(scope="session")
def hub(tmp_path_factory) -> Path:
    """A hub cache with every model of the configuration, tiny."""
    pytest.importorskip("sentencepiece")
    from helpers.hub import build

    return built_once(tmp_path_factory, "hub", build)


@pytest.fixture(scope="session")
def bootstrapped() -> None:
    """Kedro knows the project, in whose folder pytest stands."""
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
    return torch.randint(256, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0)) / 255
