"""Train and measure classifiers: one cell of the grid method x architecture x seed at a time."""

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from datasets import Dataset
from safetensors.torch import save_model
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from guided_imagination.config import Architecture, Recipe, TrainConfig
from guided_imagination.data import to_tensors
from guided_imagination.device import CPU, Placement
from guided_imagination.files import read_json, write_json
from guided_imagination.optimisation import fit
from guided_imagination.randomness import batch_indices, seeded
from guided_imagination.recipe import build_model, build_optimizer, normalise, random_affine, updates
from guided_imagination.seeding import derive_seed
from guided_imagination.store import Expansion

logger = logging.getLogger(__name__)

RESULT_COLUMNS = ["dataset", "method", "ratio", "architecture", "recipe", "seed", "accuracy"]
Log = Callable[[dict[str, float], int], None]


@dataclass(frozen=True)
class Labelled:
    """`images` (N, 3, H, W) uint8 and `labels` (N,) int64."""

    images: Tensor
    labels: Tensor

    def __add__(self, other: "Labelled") -> "Labelled":
        return Labelled(torch.cat([self.images, other.images]), torch.cat([self.labels, other.labels]))


@dataclass(frozen=True)
class Splits:
    """What a row trains on, watches while it trains, and is measured with at the end."""

    train: Labelled
    validation: Labelled | None
    measured: Labelled


@dataclass(frozen=True)
class Cell:
    """One number of the results table."""

    dataset: str
    method: str
    ratio: int
    architecture: str
    recipe: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.architecture}-{self.recipe}-ratio{self.ratio}-seed{self.seed}"


class History(list[tuple[dict[str, float], int]]):
    """Logged metrics and their epochs, kept in a run's checkpoint."""

    def state_dict(self) -> dict[str, Any]:
        return {"rows": list(self)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self[:] = state["rows"]


@torch.no_grad()
def evaluate(model: nn.Module, data: Labelled, placement: Placement = CPU, batch_size: int = 256) -> float:
    """Top-1 accuracy in percent, in evaluation mode."""
    model.eval()
    with placement.autocast():
        batches = (normalise(images.to(placement.device)) for images in data.images.split(batch_size))
        predicted = [model(images).argmax(1).cpu() for images in batches]
    model.train()
    return 100 * (torch.cat(predicted) == data.labels).float().mean().item()


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
) -> tuple[nn.Module, History]:
    """A classifier trained from random weights, and loss and validation accuracy at `log_points` points."""
    steps = updates(recipe, len(train.labels))
    with seeded(seed, "initialisation"):
        model = build_model(architecture, classes)
    model = model.to(placement.device).to(memory_format=torch.channels_last)
    optimizer, schedule = build_optimizer(model, recipe, steps)
    every, history = math.ceil(steps / log_points), History()

    def loss_at(step: int) -> Tensor:
        rows = batch_indices(step, len(train.labels), recipe.batch_size, seed)
        pixels, labels = train.images[rows].to(placement.device), train.labels[rows].to(placement.device)
        images = random_affine(normalise(pixels), recipe.rotation, recipe.translation, recipe.flip)
        with placement.autocast():
            logits = model(images.contiguous(memory_format=torch.channels_last))
        return cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)

    def after_step(step: int, loss: Tensor) -> None:
        if (step + 1) % every == 0 or step + 1 == steps:
            metrics = {"train_loss": loss.item()}
            if validation is not None:
                metrics["validation_accuracy"] = evaluate(model, validation, placement)
            history.append((metrics, (step + 1) * recipe.batch_size // len(train.labels)))

    model.train()
    fit(
        loss_at,
        optimizer,
        schedule,
        steps,
        name=name,
        seed=seed,
        state={"model": model, "history": history},
        checkpoint=checkpoint,
        after_step=after_step,
    )
    return model, history


def train_cell(
    cell: Cell,
    splits: Splits,
    architecture: Architecture,
    recipe: Recipe,
    config: TrainConfig,
    *,
    classes: int,
    folder: Path,
    inputs: str,
    placement: Placement,
    log: Log,
) -> dict[str, Any]:
    """Train one cell and keep its result and weights in `folder`; a finished cell is only read again.

    `inputs` is a checksum of the images trained on and measured with: a cell of other inputs or
    another setting is trained anew. Returns the accuracy in percent and the history of logged metrics.
    """
    key = f"{derive_seed(asdict(cell), architecture.model_dump(), recipe.model_dump(), inputs):016x}"
    result_path, checkpoint = folder / "result.json", folder / f"checkpoint-{key}.pt"
    result = read_json(result_path) if result_path.exists() else {}
    if result.get("key") != key:
        model, history = train_classifier(
            splits.train,
            splits.validation,
            architecture,
            recipe,
            classes=classes,
            seed=cell.seed,
            name=f"{cell.method} {cell.name}",
            log_points=config.log_points,
            placement=placement,
            checkpoint=checkpoint,
        )
        result = {"key": key, "accuracy": evaluate(model, splits.measured, placement), "history": history}
        folder.mkdir(parents=True, exist_ok=True)
        save_model(model, str(folder / "model.safetensors"))
        write_json(result_path, result)
        checkpoint.unlink(missing_ok=True)
    for metrics, epoch in result["history"]:
        log(metrics, epoch)
    log({"accuracy": result["accuracy"]}, 0)
    return result


def grid(dataset: str, method: str, ratio: int, config: TrainConfig) -> list[Cell]:
    """The cells of one row: every architecture and seed."""
    return [
        Cell(dataset, method, ratio, architecture, config.recipe, seed)
        for architecture in config.architectures
        for seed in range(config.seeds)
    ]


def load_splits(
    seeds: Dataset, expanded: Expansion | None, validation: Dataset, measured: Dataset, resolution: int
) -> Splits:
    """All images of a row in memory, decoded once."""
    train = Labelled(*to_tensors(seeds, resolution))
    if expanded is not None:
        train += Labelled(*to_tensors(expanded.stream(), resolution))
    return Splits(
        train,
        Labelled(*to_tensors(validation, resolution)) if len(validation) else None,
        Labelled(*to_tensors(measured, resolution)),
    )


def train_cells(
    cells: Sequence[Cell],
    splits: Splits,
    architectures: dict[str, Architecture],
    recipes: dict[str, Recipe],
    config: TrainConfig,
    *,
    classes: int,
    folder: Path,
    inputs: str,
    placement: Placement,
    track: Callable[[Cell], AbstractContextManager[Log]],
) -> pd.DataFrame:
    """Train `cells` one after another; one row of RESULT_COLUMNS each. `track` opens a cell's log."""
    rows = []
    for cell in cells:
        with track(cell) as log:
            result = train_cell(
                cell,
                splits,
                architectures[cell.architecture],
                recipes[cell.recipe],
                config,
                classes=classes,
                folder=folder / cell.dataset / cell.method / cell.name,
                inputs=inputs,
                placement=placement,
                log=log,
            )
        logger.info("%s %s %s: %.1f%%", cell.dataset, cell.method, cell.name, result["accuracy"])
        rows.append({**asdict(cell), "accuracy": result["accuracy"]})
    return pd.DataFrame(rows, columns=RESULT_COLUMNS)
