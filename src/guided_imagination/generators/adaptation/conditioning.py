"""What the UNet of each pipeline is told about a seed."""

from collections.abc import Callable

import torch
from diffusers import AutoencoderKL, KandinskyV22Pipeline, StableDiffusionPipeline, StableUnCLIPImg2ImgPipeline, VQModel
from torch import Tensor

from guided_imagination.config.models import StableDiffusionConfig, StableUnclipConfig, UnclipConfig
from guided_imagination.generators.adaptation.denoising import Lesson
from guided_imagination.generators.adaptation.objective import Seeds
from guided_imagination.generators.base import batches
from guided_imagination.utils.errors import InputError


def kandinsky_lesson(
    pipeline: KandinskyV22Pipeline, embeds: Tensor, zero: Tensor, seeds: Seeds, config: UnclipConfig
) -> Lesson:
    """CLIP image embeddings (N, D) of the seeds; that of the zero image (D,) is the negative one.

    Raises InputError for embeddings of another width than the UNet's.
    """
    _check_width(embeds, pipeline.unet.config.encoder_hid_dim, "the Kandinsky decoder")
    return Lesson(
        latents=quantised_latents(pipeline.movq, seeds, config.image_size),
        condition=lambda rows: embeds[rows],
        unconditional=zero,
        arguments=lambda condition: {
            "encoder_hidden_states": None,
            "added_cond_kwargs": {"image_embeds": condition},
        },
    )


def stable_unclip_lesson(
    pipeline: StableUnCLIPImg2ImgPipeline, embeds: Tensor, seeds: Seeds, config: StableUnclipConfig
) -> Lesson:
    """CLIP image embeddings (N, D), noised to the generator's level, beside the level; no words.

    Raises InputError for embeddings of another width than the UNet's.
    """
    _check_width(embeds, pipeline.image_normalizer.config.embedding_dim, "the stable unCLIP decoder")
    words = _embed_prompts(pipeline, [""], seeds)

    @torch.no_grad()
    def condition(rows: Tensor) -> Tensor:
        noise = torch.randn(embeds[rows].shape)
        return pipeline.noise_image_embeddings(embeds[rows], config.noise_level, noise=noise)

    return Lesson(
        latents=sampled_latents(pipeline.vae, seeds, config.image_size),
        condition=condition,
        unconditional=torch.zeros(2 * embeds.shape[1]),
        arguments=lambda condition: {
            "encoder_hidden_states": words.to(condition.device).expand(len(condition), -1, -1),
            "class_labels": condition,
        },
    )


def class_prompts(seeds: Seeds, config: StableDiffusionConfig) -> list[str]:
    """The prompt "domain class" of each class, with the first domain: the others are styles that seeds do not have."""
    return [f"{config.domains[0]} {name}" for name in seeds.words]


def stable_diffusion_lesson(pipeline: StableDiffusionPipeline, seeds: Seeds, config: StableDiffusionConfig) -> Lesson:
    """The prompts of `class_prompts`, by a frozen text encoder."""
    prompts = _embed_prompts(pipeline, class_prompts(seeds, config), seeds)
    labels = seeds.labels
    return Lesson(
        latents=sampled_latents(pipeline.vae, seeds, config.image_size),
        condition=lambda rows: prompts[labels[rows]],
        unconditional=_embed_prompts(pipeline, [""], seeds)[0],
        arguments=lambda condition: {"encoder_hidden_states": condition},
    )


def _check_width(embeds: Tensor, width: int, decoder: str) -> None:
    if embeds.shape[1] != width:
        raise InputError(
            f"{decoder} shows CLIP embeddings of width {width}, but the guide's have {embeds.shape[1]}: "
            "set the guide to the CLIP that this generator was trained with"
        )


@torch.no_grad()
def _embed_prompts(
    pipeline: StableDiffusionPipeline | StableUnCLIPImg2ImgPipeline, prompts: list[str], seeds: Seeds
) -> Tensor:
    """Hidden states (P, tokens, D) of the frozen text encoder, on the CPU."""
    pipeline.text_encoder.to(seeds.device)
    embeds, _ = pipeline.encode_prompt(prompts, seeds.device, 1, do_classifier_free_guidance=False)
    pipeline.text_encoder.to("cpu")
    return embeds.cpu()


AT_ONCE = 8  # images; only memory depends on it


@torch.no_grad()
def encode_all(seeds: Seeds, encode: Callable[[Tensor], Tensor], side: int | None = None) -> Tensor:
    """`encode` of all seeds, whose images (B, 3, side, side) are in [0, 1]; (N, ...) float32 on the CPU."""
    rows = torch.arange(len(seeds))
    parts = [encode(seeds.images(rows[part], side)).float().cpu() for part in batches(len(rows), AT_ONCE)]
    return torch.cat(parts)


def quantised_latents(movq: VQModel, seeds: Seeds, side: int) -> Callable[[Tensor], Tensor]:
    """rows (B,) -> MoVQ latents (B, C, h, w), before they are quantised, as Kandinsky's UNet knows them."""
    movq = movq.to(seeds.device).eval()
    latents = encode_all(seeds, lambda images: movq.encode(images * 2 - 1).latents, side)
    movq.to("cpu")
    return lambda rows: latents[rows]


def sampled_latents(vae: AutoencoderKL, seeds: Seeds, side: int) -> Callable[[Tensor], Tensor]:
    """rows (B,) -> latents (B, C, h, w) drawn from the autoencoder's posterior, scaled to unit deviation."""
    vae = vae.to(seeds.device).eval()

    def moments(images: Tensor) -> Tensor:
        posterior = vae.encode(images * 2 - 1).latent_dist
        return torch.cat([posterior.mean, posterior.std], dim=1) * vae.config.scaling_factor

    mean, std = encode_all(seeds, moments, side).chunk(2, dim=1)
    vae.to("cpu")
    return lambda rows: mean[rows] + std[rows] * torch.randn(mean[rows].shape)
