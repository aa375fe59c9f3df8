"""Tiny models with random weights, of the same classes as the real ones."""

import pytest
import torch
from diffusers import DDIMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel
from hypothesis import settings
from transformers import CLIPConfig, CLIPModel, CLIPProcessor, ViTImageProcessor, ViTMAEConfig, ViTMAEForPreTraining

from guided_imagination.guide import Guide
from guided_imagination.pretraining.clip import build_processor
from guided_imagination.pretraining.unclip import SCHEDULER
from guided_imagination.randomness import seeded
from toy import NAMES

settings.register_profile("default", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("default")
torch.set_num_threads(1)  # nothing here is large enough to share

WIDTH = 8
LAYER = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(scope="session")
def clip_processor() -> CLIPProcessor:
    return build_processor(NAMES, image_size=32, mean=0.4, std=0.3, context=24)


@pytest.fixture(scope="session")
def clip_model(clip_processor) -> CLIPModel:
    tokenizer = clip_processor.tokenizer
    special = {key: getattr(tokenizer, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = CLIPConfig(
        projection_dim=WIDTH,
        text_config={**LAYER, **special, "vocab_size": len(tokenizer), "max_position_embeddings": 24},
        vision_config={**LAYER, "image_size": 32, "patch_size": 16},
    )
    with seeded("clip"):
        return CLIPModel(config).eval()


@pytest.fixture(scope="session")
def guide(clip_model, clip_processor) -> Guide:
    return Guide(clip_model, clip_processor, NAMES, ["a photo of a {}.", "a {}."])


@pytest.fixture(scope="session")
def mae_processor() -> ViTImageProcessor:
    return ViTImageProcessor(size={"height": 16, "width": 16}, image_mean=[0.5] * 3, image_std=[0.5] * 3)


@pytest.fixture(scope="session")
def mae_model() -> ViTMAEForPreTraining:
    decoder = {f"decoder_{name}": value for name, value in LAYER.items()}
    with seeded("mae"):
        return ViTMAEForPreTraining(ViTMAEConfig(image_size=16, patch_size=4, **LAYER, **decoder))


@pytest.fixture(scope="session")
def movq() -> VQModel:
    with seeded("movq"):
        return VQModel(
            down_block_types=["DownEncoderBlock2D"] * 2,
            up_block_types=["UpDecoderBlock2D"] * 2,
            block_out_channels=[4, 4],
            latent_channels=4,
            num_vq_embeddings=4,
            norm_num_groups=2,
            mid_block_add_attention=False,
        ).eval()


@pytest.fixture(scope="session")
def kandinsky(movq) -> KandinskyV22Pipeline:
    with seeded("unet"):
        unet = UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=8,
            block_out_channels=[4, 8],
            layers_per_block=1,
            down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
            resnet_time_scale_shift="scale_shift",
            encoder_hid_dim=WIDTH,
            encoder_hid_dim_type="image_proj",
            addition_embed_type="image",
            cross_attention_dim=8,
            attention_head_dim=4,
            norm_num_groups=2,
        )
    return KandinskyV22Pipeline(unet=unet.eval(), scheduler=DDIMScheduler(**SCHEDULER), movq=movq)


@pytest.fixture
def images() -> torch.Tensor:
    """(3, 3, 32, 32) in [0, 1], whole eighth-bit steps."""
    return torch.randint(256, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0)) / 255
