"""The updates of a fine-tuning."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import get_cosine_schedule_with_warmup

from guided_imagination.adaptation.task import Task
from guided_imagination.config import AdaptConfig
from guided_imagination.errors import InputError
from guided_imagination.optimisation import fit
from guided_imagination.randomness import batch_indices

WARMUP = 0.1  # share of the updates


class Losses(list[float]):
    """One loss per update, kept in the checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        return {"values": list(self)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self[:] = state["values"]

    def summary(self) -> dict[str, float]:
        """Mean losses of the first and the last tenth of the updates."""
        tenth = math.ceil(len(self) / 10)
        return {"first_loss": sum(self[:tenth]) / tenth, "last_loss": sum(self[-tenth:]) / tenth}


def fine_tune(
    task: Task, config: AdaptConfig, size: int, *, name: str, seed: int, checkpoint: Path
) -> dict[str, float]:
    """Train the task's trainable parameters on `size` seeds: AdamW, linear warm-up, cosine decay to zero.

    Returns steps, seconds and mean losses.
    """
    parameters = [parameter for parameter in task.model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=task.weight_decay)
    schedule = get_cosine_schedule_with_warmup(optimizer, round(WARMUP * config.steps), config.steps)
    losses = Losses()

    def loss_at(step: int) -> Tensor:
        return task.loss(batch_indices(step, size, config.batch_size, seed))

    def after_step(step: int, loss: Tensor) -> None:
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise InputError(f"{name}: the loss of update {step} is not finite: choose a lower adapt.learning_rate")

    seconds = fit(
        loss_at,
        optimizer,
        schedule,
        config.steps,
        name=name,
        seed=seed,
        state={"model": task.state, "losses": losses},
        checkpoint=checkpoint,
        save_every=math.ceil(config.steps / 10),
        after_step=after_step,
    )
    task.model.eval()
    return {"steps": config.steps, "seconds": round(seconds, 1), **losses.summary()}
