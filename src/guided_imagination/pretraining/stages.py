"""What the training stages share: checked model settings, optimiser, schedule and checkpoint."""

from collections.abc import Callable
from inspect import signature
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel, VQModel
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPTextConfig, CLIPVisionConfig, ViTMAEConfig, get_cosine_schedule_with_warmup

from guided_imagination.config.pretraining import PretrainConfig, Stage
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.fit import fit


def train(model: nn.Module, loss_at: Callable[[int], Tensor], stage: Stage, name: str, checkpoint: Path) -> float:
    """Train `model` on `loss_at(step)` as `stage` says; returns seconds, leaves it in eval mode."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=stage.learning_rate, weight_decay=stage.weight_decay, betas=(0.9, 0.98)
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, stage.warmup_steps, stage.steps)
    model.train()
    seconds = fit(
        loss_at,
        optimizer,
        schedule,
        stage.steps,
        name=name,
        seed=stage.seed,
        state={"model": model},
        checkpoint=checkpoint,
    )
    model.eval()
    return seconds


CLASSES: dict[str, type] = {
    "clip.model": CLIPConfig,
    "clip.model.text_config": CLIPTextConfig,
    "clip.model.vision_config": CLIPVisionConfig,
    "movq.model": VQModel,
    "unclip.model": UNet2DConditionModel,
    "mae.model": ViTMAEConfig,
}


def check_models(config: PretrainConfig) -> None:
    """Raises InputError for a key that the class of a model does not have: the default would be trained instead."""
    stages = config.chosen.model_dump(include={"clip", "movq", "unclip", "mae"})
    for place, kind in CLASSES.items():
        found = stages
        for key in place.split("."):
            found = found.get(key, {})
        known = [name for name in signature(kind).parameters if name != "kwargs"]
        for key in found:
            if key not in known:
                raise InputError(
                    f"parameters: pretrain.domains.{config.domain}.{place}.{key} is not a known key; "
                    f"{kind.__name__} has {', '.join(known)}"
                )
