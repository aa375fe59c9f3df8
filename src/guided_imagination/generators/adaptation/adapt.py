"""Fine-tune a generator on the seeds once, and keep the result under a key of all that shaped it."""

import logging
import math
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import get_cosine_schedule_with_warmup

from guided_imagination.config import AdaptConfig, AdaptSettings, Expander, PretrainedModel
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.generators.adaptation.loading import load_task, needs_guide
from guided_imagination.generators.adaptation.objective import Task
from guided_imagination.generators.adaptation.seeds import Seeds
from guided_imagination.models.device import for_training, place
from guided_imagination.models.weights import check_weights, locate, weights_checksum
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import read_json, replacing_folder, write_json
from guided_imagination.utils.fit import fit
from guided_imagination.utils.randomness import batch_indices
from guided_imagination.utils.seeding import derive_seed

logger = logging.getLogger(__name__)

SHAPING = {"kind", "image_size", "noise_level", "domains"}  # settings of generators that change what is trained


def adapt(seeds: Dataset, settings: AdaptSettings) -> dict[str, Any]:
    """Fine-tune the generator of `settings` on `seeds` below its models' folder, or find that it has been done.

    Returns the `folder` of the weights (a whole MAE, or a LoRA adapter of the pipeline's UNet), their
    `checksum`, what they were made of, steps, seconds, and mean losses. A killed run goes on at its
    checkpoint and ends with the same bits; other settings, seeds or base weights are trained anew,
    beside what is there. Raises InputError if there is nothing to do or the loss is not finite.
    """
    expander, seed, resolution = settings.expander, settings.seed, settings.spec.resolution
    folder = Path(settings.models_dir) / settings.place / settings.pipeline / "adapted"
    config = expander.config.adapt
    if config is None:
        raise InputError("adapt is null: give steps, batch_size and learning_rate to fine-tune the generator")
    sources = _sources(seeds, expander, settings.hub)
    shaping = {
        **config.model_dump(),
        **expander.generator.model_dump(include=SHAPING),
        "classes": class_names(seeds),
        "resolution": resolution,
        "seed": seed,
    }
    key = f"{derive_seed(shaping, sources):016x}"
    result = _finished(folder / key)
    if result is None:
        placement = for_training(place(settings.compute))
        task = load_task(
            expander.generator,
            expander.guide,
            Seeds(seeds, resolution, placement.device),
            rank=config.rank,
            seed=seed,
            placement=placement,
            hub_folder=settings.hub,
        )
        checkpoint = folder / f"checkpoint-{key}.pt"
        measured = fine_tune(
            task, config, len(seeds), name=f"adapt {expander.config.generator}", seed=seed, checkpoint=checkpoint
        )
        result = _keep(task, folder / key, {"settings": shaping, "sources": sources, **measured})
        checkpoint.unlink(missing_ok=True)
    return {"folder": str(folder / key / "weights"), **result}


def _sources(seeds: Dataset, expander: Expander, hub_folder: Path) -> dict[str, str]:
    """Checksums of what a fine-tuning starts from. Raises InputError for models that are missing or not whole."""
    models: dict[str, PretrainedModel] = {"generator": expander.generator}
    if needs_guide(expander.generator):
        models["guide"] = expander.guide
    sums = {"seeds": checksum(seeds)}
    for name, model in models.items():
        folder = locate(model, hub_folder)
        check_weights(folder, model.networks)
        sums[name] = weights_checksum(folder, model.networks)
    return sums


def _finished(folder: Path) -> dict[str, Any] | None:
    """The record of a finished fine-tuning whose weights are still those that it saved."""
    if not folder.exists():
        return None
    result = read_json(folder / "result.json")
    if weights_checksum(folder / "weights") == result["checksum"]:
        return result
    logger.warning("%s has changed since it was made: training it again", folder / "weights")
    return None


def _keep(task: Task, folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Weights and record in `folder`, which appears with both or not at all."""
    with replacing_folder(folder) as temporary:
        weights = temporary / "weights"
        weights.mkdir()
        task.save(weights)
        record = {"checksum": weights_checksum(weights), **record}
        write_json(temporary / "result.json", record)
    return record


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
