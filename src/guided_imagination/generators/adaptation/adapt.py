"""Fine-tune a generator on the seeds once, and keep the result under a key of all that shaped it."""

import logging
import math
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from transformers import get_constant_schedule, get_cosine_schedule_with_warmup

from guided_imagination.config.expansion import AdaptConfig, Expander
from guided_imagination.config.models import PretrainedModel
from guided_imagination.config.rows import AdaptSettings
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.data.sources.classes import words
from guided_imagination.generators.adaptation.loading import load_task, needs_guide
from guided_imagination.generators.adaptation.objective import Seeds, Task
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
        "classes": words(class_names(seeds), settings.spec.names),  # as prompts have them
        "resolution": resolution,
        "seed": seed,
    }
    key = f"{derive_seed(shaping, sources):016x}"
    result = _finished(folder / key)
    if result is None:
        task = task_of(seeds, settings)
        checkpoint = folder / f"checkpoint-{key}.pt"
        measured = fine_tune(
            task, config, len(seeds), name=f"adapt {expander.config.generator}", seed=seed, checkpoint=checkpoint
        )
        result = _keep(task, folder / key, {"settings": shaping, "sources": sources, **measured})
        checkpoint.unlink(missing_ok=True)
    return {"folder": str(folder / key / "weights"), **result}


def task_of(seeds: Dataset, settings: AdaptSettings) -> Task:
    """What is trained on `seeds`, with its models loaded."""
    expander = settings.expander
    assert expander.config.adapt is not None
    placement = for_training(place(settings.compute))
    return load_task(
        expander.generator,
        expander.guide,
        Seeds(seeds, words(class_names(seeds), settings.spec.names), settings.spec.resolution, placement.device),
        config=expander.config.adapt,
        seed=settings.seed,
        placement=placement,
        hub_folder=settings.hub,
    )


def _sources(seeds: Dataset, expander: Expander, hub_folder: Path) -> dict[str, str]:
    """Checksums of what a fine-tuning starts from. Raises InputError for models that are missing or not whole."""
    models: dict[str, PretrainedModel] = {"generator": expander.generator}
    if needs_guide(expander.generator):
        models["guide"] = expander.guide
    sums = {"seeds": checksum(seeds)}
    for name, model in models.items():
        folder = locate(model, hub_folder)
        check_weights(folder, model.networks, model.variant)
        sums[name] = weights_checksum(folder, model.networks, model.variant)
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


def memory_needed(model: nn.Module) -> int:
    """Bytes of all weights, and of gradients and two moments in 32 bits of those that are trained.

    Activations come on top.
    """
    sizes = ((parameter.numel(), parameter.element_size(), parameter.requires_grad) for parameter in model.parameters())
    return sum(count * (size + 3 * 4 * trained) for count, size, trained in sizes)


def _check_memory(model: nn.Module, name: str) -> None:
    needed, device = memory_needed(model), next(model.parameters()).device
    logger.info("%s: weights, gradients and moments take %.1f GB, plus activations", name, needed / 1e9)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        used = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
        if needed - used > free:
            raise InputError(
                f"{name} needs {needed / 1e9:.1f} GB on {device} plus activations, where "
                f"{(free + used) / 1e9:.1f} GB are free: set adapt.weights to adapter, or use a larger GPU"
            )


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
    task: Task, config: AdaptConfig, size: int, *, name: str, seed: int, checkpoint: Path | None
) -> dict[str, float]:
    """Train the task's trainable parameters on `size` seeds by AdamW.

    Returns steps, seconds and mean losses. Raises InputError where the GPU has not the memory for them.
    """
    parameters = [parameter for parameter in task.model.parameters() if parameter.requires_grad]
    _check_memory(task.model, name)
    optimizer = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=task.weight_decay)
    if config.schedule == "constant":
        schedule = get_constant_schedule(optimizer)
    else:
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
