"""What a diffusion UNet is trained to predict."""

import torch
from diffusers import DDPMScheduler
from torch import Tensor
from torch.nn.functional import mse_loss

from guided_imagination.utils.errors import InputError


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
