"""What the training stages share: optimiser, schedule and checkpoint from typed settings."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import get_cosine_schedule_with_warmup

from guided_imagination.config.pretraining import Stage
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
