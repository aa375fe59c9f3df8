"""Random weights at the real configurations, on a CPU: what a run takes, and that nothing overflows."""

import resource
import time

import pytest
import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionImg2ImgPipeline, UNet2DConditionModel
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    ViTImageProcessor,
    ViTMAEConfig,
    ViTMAEForPreTraining,
)

from guided_imagination.config.models import StableDiffusionConfig
from guided_imagination.generators.base import SeedBatch
from guided_imagination.generators.mae import MaeGenerator
from guided_imagination.generators.stable_diffusion import StableDiffusionGenerator
from guided_imagination.imagination.imagine import Imagined, imagine
from guided_imagination.models.clip import Guide, JointEncoders
from guided_imagination.models.device import Batches
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.randomness import generator, seeded
from helpers import tiny
from helpers.toy import NAMES, guidance

pytestmark = pytest.mark.full_size
TOKENIZER = tiny.clip_tokenizer()
SPECIAL = {key: getattr(TOKENIZER, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}


@pytest.fixture(autouse=True)
def all_cores():
    threads = torch.get_num_threads()
    torch.set_num_threads(torch.multiprocessing.cpu_count())
    with seeded("full size"):
        yield
    torch.set_num_threads(threads)


def clip_vit_b32() -> Guide:
    """openai/clip-vit-base-patch32: the defaults of transformers."""
    model = CLIPModel(CLIPConfig(text_config=SPECIAL))
    return Guide(JointEncoders(model), CLIPImageProcessor(), TOKENIZER, NAMES, ["a photo of a {}."])


def vit_mae_large() -> ViTMAEForPreTraining:
    """facebook/vit-mae-large; its decoder is that of the defaults."""
    return ViTMAEForPreTraining(
        ViTMAEConfig(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
    )


def stable_diffusion_1() -> StableDiffusionImg2ImgPipeline:
    """CompVis/stable-diffusion-v1-4: 860, 84 and 123 million parameters."""
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    vae = AutoencoderKL(
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=[128, 256, 512, 512],
        layers_per_block=2,
        latent_channels=4,
    )
    text_encoder = CLIPTextModel(
        CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, **SPECIAL)
    )
    assert sum(weight.numel() for weight in unet.parameters()) == 859_520_964
    assert sum(weight.numel() for weight in vae.parameters()) == 83_653_863
    assert sum(weight.numel() for weight in text_encoder.parameters()) == 123_060_480
    return StableDiffusionImg2ImgPipeline(
        vae=vae.eval().requires_grad_(False),
        text_encoder=text_encoder.eval().requires_grad_(False),
        tokenizer=TOKENIZER,
        unet=unet.eval().requires_grad_(False),
        scheduler=PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def two_variants(made_by, guide: Guide, name: str) -> Imagined:
    """One seed, K = 2, one step of guidance; prints seconds and the peak memory of the process so far."""
    seed = torch.rand(1, 3, 256, 256, generator=generator("seed"))
    rngs = [generator(name, variant) for variant in range(2)]
    start = time.perf_counter()
    made = imagine(
        made_by,
        guide,
        SeedBatch(seed, torch.tensor([0]), torch.tensor([0, 0]), rngs),
        guidance(steps=1, hold="prediction"),
        Batches(1),
        Clock(),
    )
    seconds = time.perf_counter() - start
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"\n{name}: {seconds:.1f} s, peak memory {gigabytes:.1f} GB")
    return made


def check(made: Imagined, side: int) -> None:
    assert made.images.shape == (2, 3, side, side)
    assert torch.isfinite(made.images).all()
    assert made.images.min() >= 0 and made.images.max() <= 1
    assert (made.images[0] - made.images[1]).abs().max() > 0.01
    assert all(values.shape == (2,) and torch.isfinite(values).all() for values in made.criteria.values())


def test_vit_mae_large_with_clip_vit_b32():
    guide = clip_vit_b32()
    mae = MaeGenerator(vit_mae_large(), ViTImageProcessor(), guide, "residual")
    check(two_variants(mae, guide, "ViT-MAE-L, 224 px"), 224)


def test_stable_diffusion_with_clip_vit_b32():
    guide = clip_vit_b32()
    config = StableDiffusionConfig(
        kind="stable_diffusion",
        model="CompVis/stable-diffusion-v1-4",
        image_size=512,
        inference_steps=3,  # of which strength 0.9 takes 2
        guidance_scale=50,
        strength=0.9,
        rotation=15,
        flip=0.5,
        domains=["an image of"],
        adjectives=["colorful"],
    )
    stable_diffusion = StableDiffusionGenerator(stable_diffusion_1(), guide, NAMES, config)
    check(two_variants(stable_diffusion, guide, "Stable Diffusion 1, 512 px, 2 steps"), 512)
