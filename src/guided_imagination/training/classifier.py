"""One classifier, trained and looked at: it knows nothing of cells, files or MLflow."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from guided_imagination.config.training import Architecture, Recipe
from guided_imagination.data.arrays import Labelled
from guided_imagination.models.device import CPU, Placement
from guided_imagination.training.network import Weights, build_model
from guided_imagination.training.recipe import (
    augment,
    batch_rows,
    build_optimizer,
    normalise,
    soft_targets,
    updates,
)
from guided_imagination.utils.fit import Prefetched, fit
from guided_imagination.utils.randomness import seeded


class Pace:
    """How fast a run goes, kept in its checkpoint: images trained on, seconds, and seconds spent without a batch."""

    def __init__(self) -> None:
        self.images, self.seconds, self.waiting = 0, 0.0, 0.0
        self._since = time.perf_counter()

    @contextmanager
    def wait(self, images: int) -> Iterator[None]:
        """The network waits in this block, for a batch of so many images."""
        started = time.perf_counter()
        yield
        self.waiting += time.perf_counter() - started
        self.images += images

    @contextmanager
    def pause(self) -> Iterator[None]:
        """What is done in this block is no training."""
        self._lap()
        yield
        self._since = time.perf_counter()

    @property
    def speed(self) -> dict[str, float]:
        """Seconds, images per second, and the share of the time that was waited for data."""
        whole = max(self.seconds, 1e-9)
        return {
            "seconds": self.seconds,
            "images_per_second": self.images / whole,
            "waiting_share": self.waiting / whole,
        }

    def state_dict(self) -> dict[str, Any]:
        self._lap()
        return {"images": self.images, "seconds": self.seconds, "waiting": self.waiting}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._since = time.perf_counter()

    def _lap(self) -> None:
        now = time.perf_counter()
        self.seconds += now - self._since
        self._since = now


class History:
    """Metrics and the updates they were measured after, kept in a run's checkpoint.

    `times` are those of the beginning and of every row, in seconds since the epoch. A run that was killed and goes on
    has begun when it did first.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[dict[str, float], int]] = []
        self.times = [time.time()]

    def add(self, metrics: dict[str, float], step: int) -> None:
        self.rows.append((metrics, step))
        self.times.append(time.time())

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "times": self.times}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows = list(state["rows"])
        self.times = list(state.get("times", self.times * (1 + len(self.rows))))  # 0.5.0 kept none


@dataclass(frozen=True)
class Trained:
    """A classifier, its number of updates, what was logged on the way, how fast it went, and when (History)."""

    model: nn.Module
    updates: int
    history: list[tuple[dict[str, float], int]]
    speed: dict[str, float]
    times: list[float]


def train_classifier(
    train: Labelled,
    validation: Labelled | None,
    architecture: Architecture,
    recipe: Recipe,
    *,
    classes: int,
    seed: int,
    name: str,
    log_points: int,
    placement: Placement = CPU,
    checkpoint: Path | None = None,
    weights: Weights | None = None,
) -> Trained:
    """A trained classifier; its history has loss and validation accuracy at `log_points` points.

    weights: what a recipe with `pretrained` begins from.
    """
    steps = updates(recipe, len(train))
    with seeded(seed, "initialisation"):
        model = build_model(architecture, classes, recipe, weights)
    model = model.to(placement.device).to(memory_format=torch.channels_last)
    optimizer, schedule = build_optimizer(model, recipe, steps)
    every, history, pace = math.ceil(steps / log_points), History(), Pace()

    def batch_at(step: int) -> tuple[Tensor, Tensor]:
        rows = batch_rows(step, len(train), train.real, recipe, seed)
        pixels, labels = train[rows]
        if recipe.soft_labels is not None:
            labels = soft_targets(labels, train.log_probs(rows), recipe.soft_labels)
        return (pixels.pin_memory(), labels.pin_memory()) if placement.device.type == "cuda" else (pixels, labels)

    def loss_at(step: int) -> Tensor:
        with pace.wait(recipe.batch_size):
            pixels, labels = batches(step)
            images, targets = augment(pixels, labels, recipe, classes, placement.device)
        with placement.autocast():
            logits = model(images.contiguous(memory_format=torch.channels_last))
        return cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)

    def after_step(step: int, loss: Tensor) -> None:
        if (step + 1) % every == 0 or step + 1 == steps:
            metrics = {"train_loss": loss.item()}  # waits for the GPU, so it is not in the pause
            with pace.pause():
                if validation is not None:
                    metrics["validation_accuracy"] = accuracy(predict(model, validation, placement), validation.labels)
                history.add(metrics, step + 1)

    with Prefetched(batch_at, steps) as batches:
        fit(
            loss_at,
            optimizer,
            schedule,
            steps,
            name=name,
            seed=seed,
            state={"model": model.train(), "history": history, "pace": pace},
            checkpoint=checkpoint,
            after_step=after_step,
        )
    return Trained(model, steps, history.rows, pace.speed, history.times)


@torch.no_grad()
def predict(model: nn.Module, data: Labelled, placement: Placement = CPU, batch_size: int = 256) -> Tensor:
    """Logits (N, C) float32 on the CPU, in evaluation mode."""
    model.eval()
    logits = []
    with placement.autocast():
        for rows in torch.arange(len(data)).split(batch_size):
            images, _ = data[rows]
            logits.append(model(normalise(images.to(placement.device))).float().cpu())
    model.train()
    return torch.cat(logits)


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Top-1 accuracy in percent of logits (N, C) for labels (N,)."""
    return 100 * (logits.argmax(1) == labels).float().mean().item()
