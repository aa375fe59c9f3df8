"""From typed settings to a fine-tuning task."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline, KandinskyV22Pipeline, StableDiffusionPipeline, StableUnCLIPImg2ImgPipeline
from torch import Tensor

from guided_imagination.config.expansion import AdaptConfig
from guided_imagination.config.models import (
    GeneratorConfig,
    GuideConfig,
    MaeConfig,
    StableDiffusionConfig,
    StableUnclipConfig,
    UnclipConfig,
)
from guided_imagination.generators.adaptation.conditioning import (
    class_prompts,
    encode_all,
    kandinsky_lesson,
    sampled_latents,
    stable_diffusion_lesson,
    stable_unclip_lesson,
)
from guided_imagination.generators.adaptation.denoising import dreambooth_task, lora_task
from guided_imagination.generators.adaptation.mae import mae_task
from guided_imagination.generators.adaptation.objective import Seeds, Task
from guided_imagination.models.device import Placement
from guided_imagination.models.loading import load_guide
from guided_imagination.models.weights import locate_whole


def needs_guide(generator: GeneratorConfig) -> bool:
    """Whether the generator is told the CLIP embedding of an image."""
    return isinstance(generator, UnclipConfig | StableUnclipConfig)


def load_task(
    generator: GeneratorConfig,
    guide: GuideConfig,
    seeds: Seeds,
    *,
    config: AdaptConfig,
    seed: int,
    placement: Placement,
    hub_folder: Path,
) -> Task:
    """The generator's own training objective on the seeds, for the weights that `config` names."""
    folder = locate_whole(generator, hub_folder)
    match generator:
        case MaeConfig():
            return mae_task(folder, seeds, placement, generator.variant)
        case UnclipConfig():
            embeds, zero = _embeds(guide, seeds, placement, hub_folder)
            pipeline = _load(KandinskyV22Pipeline, folder, placement, generator.variant)
            lesson = kandinsky_lesson(pipeline, embeds, zero, seeds, generator)
        case StableUnclipConfig():
            embeds, _ = _embeds(guide, seeds, placement, hub_folder)
            # the guide has embedded the seeds, the pipeline's own encoder would only take memory
            unused = {"image_encoder": None, "feature_extractor": None}
            pipeline = _load(StableUnCLIPImg2ImgPipeline, folder, placement, generator.variant, **unused)
            lesson = stable_unclip_lesson(pipeline, embeds, seeds, generator)
        case StableDiffusionConfig():
            whole = config.weights == "whole"
            learned = replace(placement, dtype=torch.float32) if whole else placement
            unchecked = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
            pipeline = _load(StableDiffusionPipeline, folder, learned, generator.variant, **unchecked)
            if whole:
                latents = sampled_latents(pipeline.vae, seeds, generator.image_size)
                return dreambooth_task(pipeline, latents, seeds.labels, class_prompts(seeds, generator), placement)
            lesson = stable_diffusion_lesson(pipeline, seeds, generator)
    scheduler = pipeline.scheduler.config
    return lora_task(pipeline.unet, scheduler, lesson, rank=config.rank, seed=seed, placement=placement)


def _load(
    pipeline: type[DiffusionPipeline], folder: Path, placement: Placement, variant: str | None, **components: Any
) -> Any:
    """A pipeline on the CPU: the UNet in the placement's precision, the rest, which runs once, in 32 bits."""
    dtypes = {"unet": placement.dtype, "default": torch.float32}
    return pipeline.from_pretrained(folder, dtype=dtypes, variant=variant, use_safetensors=True, **components)


@torch.no_grad()
def _embeds(config: GuideConfig, seeds: Seeds, placement: Placement, hub_folder: Path) -> tuple[Tensor, Tensor]:
    """CLIP embeddings (N, D) of the seeds and that of the zero image (D,); the guide is not kept in memory."""
    guide = load_guide(config, seeds.words, ["{}"], placement, hub_folder).to(placement.device)
    with placement.autocast():
        return encode_all(seeds, guide.image_embeds), guide.zero_embedding()[0].float().cpu()
