"""One batch of each stage, done for once to see how long it takes; nothing of it is kept."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from datasets import Dataset

from guided_imagination.config.rows import AdaptSettings, RowSettings
from guided_imagination.config.training import Architecture, Recipe
from guided_imagination.data.arrays import Labelled
from guided_imagination.data.dataset import class_names, to_tensors
from guided_imagination.data.sources.classes import words
from guided_imagination.expansion.expand import expand_shard, prepare
from guided_imagination.expansion.plan import Plan, plan_of
from guided_imagination.expansion.targets import read as read_targets
from guided_imagination.generators.adaptation.adapt import fine_tune, task_of
from guided_imagination.models.device import for_training, place
from guided_imagination.models.loading import load_zero_shot
from guided_imagination.report.planning.speeds import Speed
from guided_imagination.training.classifier import Trained, predict, train_classifier
from guided_imagination.training.network import locate_weights
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.files import temporary_folder

FIRST, FURTHER = 3, 10  # updates: the first choose kernels and take memory, so that only a second run is counted
SHOWN = 256  # images that a classifier is measured with


def timed(function: Callable[[], object]) -> float:
    """Seconds, after all GPUs are done."""
    clock = Clock()
    with clock("all"):
        function()
    return clock.seconds["all"]


def measure_expansion(seeds: Dataset, row: RowSettings) -> dict[str, Speed]:
    """`prepare` (per seed) and `expand` (per image asked for, with those that are refused): the second of two batches.

    A fine-tuned generator is as fast as the one that it comes from, which is the one that is measured.
    """
    plan = _small(plan_of(seeds, row))
    started = time.perf_counter()
    augmenter = plan.load_augmenter()
    loading = time.perf_counter() - started
    with temporary_folder() as first, temporary_folder() as second:
        folders = [first, second]
        preparing = [timed(partial(prepare, folder, plan, augmenter)) for folder in folders][-1]
        targets = read_targets(folders[-1]) if plan.targets else None
        for shard in range(plan.shards):
            clock = Clock()
            table, _ = expand_shard(plan, augmenter, shard, clock, targets)
        images = min(plan.seeds_per_shard, len(plan.seeds)) * plan.ratio
    return {
        "prepare": Speed(0, preparing / len(plan.seeds)),
        "expand": Speed(loading, clock.total / images, 0, table.nbytes / max(table.num_rows, 1)),
    }


def _small(plan: Plan) -> Plan:
    """Two batches of the same classes, one per shard."""
    labels = torch.tensor(plan.seeds["label"][:])
    some = labels.argsort(stable=True)[: 2 * plan.seeds_per_batch].tolist()
    whole = len(some) // plan.seeds_per_batch * plan.seeds_per_batch or len(some)
    return replace(plan, seeds=plan.seeds.select(some[:whole]), seeds_per_shard=plan.seeds_per_batch, least_kappa=None)


def measure_training(seeds: Dataset, row: RowSettings, architecture: Architecture, recipe: Recipe) -> dict[str, Speed]:
    """`train` (per image of a batch) and `evaluate` (per image) of a network; its weights are what is kept of it."""
    placement = for_training(place(row.compute))
    data = _labelled(seeds, row.spec.resolution)
    same: dict[str, Any] = {"passes": None, "epochs": None, "milestones": [], "soft_labels": None, "real_share": None}
    weights = locate_weights(architecture, row.hub) if recipe.pretrained else None

    def train(count: int) -> Trained:
        return train_classifier(
            data,
            None,
            architecture,
            recipe.overridden({**same, "updates": count}),
            classes=len(class_names(seeds)),
            seed=0,
            name=f"measuring {architecture.model}",
            log_points=1,
            placement=placement,
            weights=weights,
        )

    train(FIRST)
    started = time.perf_counter()
    trained = train(FURTHER)
    building = time.perf_counter() - started - trained.speed["seconds"]
    shown = replace(data, rows=torch.arange(SHOWN) % len(data), labels=data.labels[torch.arange(SHOWN) % len(data)])
    predict(trained.model, shown, placement)
    looking = timed(lambda: predict(trained.model, shown, placement))
    size = sum(value.numel() * value.element_size() for value in trained.model.state_dict().values())
    per_image = 1 / trained.speed["images_per_second"]
    return {"train": Speed(building, per_image, size), "evaluate": Speed(0, looking / SHOWN)}


def _labelled(seeds: Dataset, resolution: int) -> Labelled:
    some = seeds.select(range(min(len(seeds), SHOWN)))
    return Labelled(*to_tensors(some, resolution), real=len(some))


def measure_audit(seeds: Dataset, row: RowSettings) -> dict[str, Speed]:
    """`audit`, per image that is looked at."""
    told, config = words(class_names(seeds), row.spec.names), row.audit
    started = time.perf_counter()
    asked = row.audit_guide, told, row.spec.templates, row.compute, row.hub, config.logit_scale
    classify = load_zero_shot(*asked, config.images_per_batch)
    loading = time.perf_counter() - started
    some = seeds.select(range(min(len(seeds), config.images_per_batch)))

    def look() -> None:
        classify(to_tensors(some, row.spec.resolution)[0].float() / 255)

    look()
    return {"audit": Speed(loading, timed(look) / len(some))}


def measure_adaptation(seeds: Dataset, settings: AdaptSettings) -> dict[str, Speed]:
    """`adapt`, per update."""
    config = settings.expander.config.adapt
    assert config is not None
    started = time.perf_counter()
    task = task_of(seeds, settings)
    loading, name = time.perf_counter() - started, f"measuring {settings.expander.config.generator}"

    def tune(steps: int) -> None:
        short = config.model_copy(update={"steps": steps})
        fine_tune(task, short, len(seeds), name=name, seed=0, checkpoint=None)

    tune(1)
    return {"adapt": Speed(loading, timed(partial(tune, FIRST)) / FIRST)}
