"""Tiny models with random weights, of the same classes as the real ones: text, images and their common space."""

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    KandinskyV22Pipeline,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableUnCLIPImg2ImgPipeline,
    UNet2DConditionModel,
    VQModel,
)
from diffusers.pipelines.stable_diffusion import StableUnCLIPImageNormalizer
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    ViTMAEConfig,
    ViTMAEForPreTraining,
)

from guided_imagination.pretraining.unclip import SCHEDULER
from guided_imagination.utils.randomness import seeded

CONTEXT = 77
LAYER = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
BLOCKS = {"block_out_channels": [4, 8], "layers_per_block": 1, "norm_num_groups": 2}


def clip_tokenizer() -> CLIPTokenizer:
    """Reads any text: every byte is a token, and a few words have their own."""
    words = ["a photo of a cat", "a photo of a dog", "an image of a colorful bird"] * 10
    tokenizer = CLIPTokenizer().train_new_from_iterator([words], vocab_size=600, show_progress=False)
    tokenizer.model_max_length = CONTEXT
    return tokenizer


def text_config(tokenizer: CLIPTokenizer) -> dict[str, int]:
    special = {key: getattr(tokenizer, key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return {**LAYER, **special, "vocab_size": len(tokenizer), "max_position_embeddings": CONTEXT}


def clip(tokenizer: CLIPTokenizer, width: int, image_size: int = 32) -> CLIPModel:
    config = CLIPConfig(
        projection_dim=width,
        text_config=text_config(tokenizer),
        vision_config={**LAYER, "image_size": image_size, "patch_size": 16},
    )
    with seeded("clip"):
        return CLIPModel(config).eval()


def image_encoder(width: int, image_size: int = 32) -> CLIPVisionModelWithProjection:
    with seeded("image encoder"):
        config = CLIPVisionConfig(**LAYER, image_size=image_size, patch_size=16, projection_dim=width)
        return CLIPVisionModelWithProjection(config).eval()


def projected_text_encoder(tokenizer: CLIPTokenizer, width: int) -> CLIPTextModelWithProjection:
    with seeded("text encoder"):
        config = CLIPTextConfig(**text_config(tokenizer), projection_dim=width)
        return CLIPTextModelWithProjection(config).eval()


def text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    with seeded("text encoder"):
        return CLIPTextModel(CLIPTextConfig(**text_config(tokenizer))).eval()


def mae(image_size: int = 16, patch_size: int = 4, **changes: object) -> ViTMAEForPreTraining:
    decoder = {f"decoder_{name}": value for name, value in LAYER.items()}
    with seeded("mae"):
        return ViTMAEForPreTraining(
            ViTMAEConfig(image_size=image_size, patch_size=patch_size, **LAYER, **decoder, **changes)
        ).eval()


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


def vae() -> AutoencoderKL:
    with seeded("vae"):
        return AutoencoderKL(
            down_block_types=["DownEncoderBlock2D"] * 2,
            up_block_types=["UpDecoderBlock2D"] * 2,
            latent_channels=4,
            **BLOCKS,
        ).eval()


def kandinsky_unet(width: int) -> UNet2DConditionModel:
    with seeded("unet"):
        return UNet2DConditionModel(
            sample_size=8,
            in_channels=4,
            out_channels=8,
            down_block_types=["ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"],
            mid_block_type="UNetMidBlock2DSimpleCrossAttn",
            up_block_types=["SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"],
            resnet_time_scale_shift="scale_shift",
            encoder_hid_dim=width,
            encoder_hid_dim_type="image_proj",
            addition_embed_type="image",
            cross_attention_dim=8,
            attention_head_dim=4,
            **BLOCKS,
        ).eval()


def text_unet(**changes: object) -> UNet2DConditionModel:
    with seeded("unet"):
        return UNet2DConditionModel(
            sample_size=8,
            down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
            up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"],
            cross_attention_dim=LAYER["hidden_size"],
            attention_head_dim=2,
            **BLOCKS,
            **changes,
        ).eval()


def kandinsky(movq: VQModel, width: int) -> KandinskyV22Pipeline:
    return KandinskyV22Pipeline(unet=kandinsky_unet(width), scheduler=DDIMScheduler(**SCHEDULER), movq=movq)


def stable_unclip(tokenizer: CLIPTokenizer, width: int) -> StableUnCLIPImg2ImgPipeline:
    normalizer = StableUnCLIPImageNormalizer(width)
    with torch.no_grad():
        normalizer.std.fill_(0.5)
    return StableUnCLIPImg2ImgPipeline(
        feature_extractor=None,
        image_encoder=image_encoder(width),
        image_normalizer=normalizer,
        image_noising_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=tokenizer,
        text_encoder=text_encoder(tokenizer),
        unet=text_unet(class_embed_type="projection", projection_class_embeddings_input_dim=2 * width),
        scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
        vae=vae(),
    )


def stable_diffusion(tokenizer: CLIPTokenizer) -> StableDiffusionImg2ImgPipeline:
    return StableDiffusionImg2ImgPipeline(
        vae=vae().requires_grad_(False),
        text_encoder=text_encoder(tokenizer),
        tokenizer=tokenizer,
        unet=text_unet(),
        scheduler=PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
