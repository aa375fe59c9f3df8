"""All weights of Stable Diffusion's UNet and text encoder, trained to denoise the seeds (Ruiz et al. 2023).

As the paper has it for medical datasets: no prior preservation, the prompt is never left out.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from diffusers import DDPMScheduler, StableDiffusionPipeline
from torch import Tensor
from torch.nn import ModuleDict

from guided_imagination.generators.adaptation.denoising import noised_at_random, prediction_loss
from guided_imagination.generators.adaptation.objective import Task
from guided_imagination.models.device import Placement

WEIGHT_DECAY = 0.01


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
