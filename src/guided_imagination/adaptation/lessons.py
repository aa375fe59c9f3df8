"""What the UNet of each pipeline is told about a seed."""

import torch
from diffusers import KandinskyV22Pipeline, StableDiffusionPipeline, StableUnCLIPImg2ImgPipeline
from torch import Tensor

from guided_imagination.adaptation.encoding import quantised_latents, sampled_latents
from guided_imagination.adaptation.lora import Lesson
from guided_imagination.adaptation.seeds import Seeds
from guided_imagination.config import StableDiffusionConfig, StableUnclipConfig, UnclipConfig
from guided_imagination.errors import InputError


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


def stable_diffusion_lesson(pipeline: StableDiffusionPipeline, seeds: Seeds, config: StableDiffusionConfig) -> Lesson:
    """The prompt "domain class", with the first domain: the others are styles that the seeds do not have."""
    prompts = _embed_prompts(pipeline, [f"{config.domains[0]} {name}" for name in seeds.class_names], seeds)
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
