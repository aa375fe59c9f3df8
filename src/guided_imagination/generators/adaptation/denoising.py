"""Fine-tuning diffusion pipelines on the seeds: an adapter on the UNet's attention, or all weights (DreamBooth)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import ModuleDict
from torch.nn.functional import mse_loss

from guided_imagination.generators.adaptation.objective import Task
from guided_imagination.models.device import Placement
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import seeded

WEIGHT_DECAY = 0.01
ATTENTION = r".*\.(to_q|to_k|to_v|to_out\.0|add_k_proj|add_v_proj)"
UNCONDITIONAL = 0.1  # share of the rows that are told nothing, for classifier-free guidance (Ho and Salimans 2022)


def noised_at_random(latents: Tensor, scheduler: DDPMScheduler) -> tuple[Tensor, Tensor, Tensor]:
    """The latents (B, C, h, w) with noise of their shape and times (B,), drawn on the CPU."""
    noise = torch.randn(latents.shape)
    return latents, noise, torch.randint(scheduler.config.num_train_timesteps, (len(latents),))


def prediction_loss(
    predicted: Tensor, scheduler: DDPMScheduler, latents: Tensor, noise: Tensor, times: Tensor
) -> Tensor:
    """Mean squared error of what a UNet predicts from latents (B, C, h, w) that were noised."""
    # further channels are a learned variance, which the mean's loss does not train
    wanted = target(scheduler, latents, noise, times).to(predicted.device)
    return mse_loss(predicted[:, : latents.shape[1]].float(), wanted)


def target(scheduler: DDPMScheduler, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
    """What the scheduler takes a prediction for: the noise, or the velocity (Salimans and Ho 2022).

    Raises InputError for another prediction type.
    """
    match scheduler.config.prediction_type:
        case "epsilon":
            return noise
        case "v_prediction":
            return scheduler.get_velocity(latents, noise, times)
        case other:
            raise InputError(
                f"prediction_type {other!r} of the scheduler cannot be fine-tuned: only epsilon, v_prediction"
            )


def dreambooth_task(
    pipeline: StableDiffusionPipeline,
    latents: Callable[[Tensor], Tensor],
    labels: Tensor,
    prompts: Sequence[str],
    placement: Placement,
) -> Task:
    """Weights in float32, changed in place; what is saved is the whole pipeline.

    latents: rows (B,) of the seeds -> (B, C, h, w) on the CPU; labels: (N,) of all seeds; prompts: one per class.
    """
    trained = ModuleDict({"unet": pipeline.unet, "text_encoder": pipeline.text_encoder})
    trained.to(placement.device).requires_grad_(True).train()
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    tokens = pipeline.tokenizer(
        list(prompts),
        padding="max_length",
        truncation=True,
        max_length=pipeline.tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids

    def loss(rows: Tensor) -> Tensor:
        clean, noise, times = noised_at_random(latents(rows), scheduler)
        noised = scheduler.add_noise(clean, noise, times).to(placement.device)
        with placement.autocast():
            words = pipeline.text_encoder(tokens[labels[rows]].to(placement.device)).last_hidden_state
            predicted = pipeline.unet(noised, times.to(placement.device), encoder_hidden_states=words).sample
            return prediction_loss(predicted, scheduler, clean, noise, times)

    def save(folder: Path) -> None:
        pipeline.save_pretrained(folder, safe_serialization=True)

    return Task(trained, loss, trained, save, WEIGHT_DECAY)


# a pattern, not a list: peft keeps lists as sets and would save them in another order each time


@dataclass(frozen=True)
class Lesson:
    """What a UNet is to denoise and what it is told, for seeds at rows (B,); tensors on the CPU.

    latents: rows -> (B, C, h, w). condition: rows -> (B, ...); `unconditional` (...) stands for no condition.
    arguments: a condition on the UNet's device -> the UNet's keyword arguments.
    """

    latents: Callable[[Tensor], Tensor]
    condition: Callable[[Tensor], Tensor]
    unconditional: Tensor
    arguments: Callable[[Tensor], Mapping[str, Any]]


class AdapterState:
    """The adapter's weights alone, without those of the frozen model."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def state_dict(self) -> dict[str, Tensor]:
        # the default looks for the base model on the hub
        return get_peft_model_state_dict(self.model, save_embedding_layers=False)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        set_peft_model_state_dict(self.model, state)


def denoising_loss(unet: nn.Module, scheduler: DDPMScheduler, lesson: Lesson, rows: Tensor) -> Tensor:
    """Mean squared error of what the UNet predicts at random times from the noised latents of the seeds at `rows`."""
    device = next(unet.parameters()).device
    latents, noise, times = noised_at_random(lesson.latents(rows), scheduler)
    condition = lesson.condition(rows)
    dropped = torch.rand(len(rows), *[1] * (condition.ndim - 1)) < UNCONDITIONAL
    condition = torch.where(dropped, lesson.unconditional, condition).to(device)
    noised = scheduler.add_noise(latents, noise, times).to(device)
    predicted = unet(noised, times.to(device), **lesson.arguments(condition)).sample
    return prediction_loss(predicted, scheduler, latents, noise, times)


def lora_task(
    unet: UNet2DConditionModel,
    scheduler_config: Mapping[str, Any],
    lesson: Lesson,
    *,
    rank: int,
    seed: int,
    placement: Placement,
) -> Task:
    """Adapters in float32 on a frozen UNet of any precision, which is changed in place."""
    unet = unet.to(placement.device).requires_grad_(False).train()
    settings = LoraConfig(r=rank, lora_alpha=rank, init_lora_weights="gaussian", target_modules=ATTENTION)
    with seeded(seed, "lora"):
        adapted = get_peft_model(unet, settings)
    # samplers differ in how they step, not in how they noise; only this one has all that training needs
    scheduler = DDPMScheduler.from_config(scheduler_config)
    state = AdapterState(adapted)

    def loss(rows: Tensor) -> Tensor:
        with placement.autocast():
            return denoising_loss(adapted, scheduler, lesson, rows)

    def save(folder: Path) -> None:
        settings.save_pretrained(str(folder))
        weights = {name: value.cpu().contiguous() for name, value in state.state_dict().items()}
        save_file(weights, folder / "adapter_model.safetensors")

    return Task(adapted, loss, state, save, WEIGHT_DECAY)
