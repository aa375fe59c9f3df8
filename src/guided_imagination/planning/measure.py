"""One batch of each stage, done for once to see how long it takes; nothing of it is kept."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, replace
from functools import partial

import numpy as np
import torch
from datasets import Dataset

from guided_imagination.config.rows import RowSettings
from guided_imagination.data.arrays import Labelled
from guided_imagination.data.dataset import class_names, to_tensors
from guided_imagination.data.sources.classes import words
from guided_imagination.expansion.expand import expand_shard
from guided_imagination.expansion.plan import plan_of
from guided_imagination.expansion.preparation import Prepared, prepare
from guided_imagination.generators.adaptation.adapt import fine_tune, task_of
from guided_imagination.models.device import for_training, place
from guided_imagination.models.loading import load_zero_shot
from guided_imagination.models.weights import found_locally
from guided_imagination.planning.costs import Speed
from guided_imagination.planning.work import Splits, Work
from guided_imagination.training.classifier import Trained, predict, train_classifier
from guided_imagination.training.network import locate_weights
from guided_imagination.utils.clock import Clock
from guided_imagination.utils.files import temporary_folder
from guided_imagination.utils.progress import progress
from guided_imagination.utils.workers import call, start, worker_count

FIRST, FURTHER = 3, 10  # updates: the first choose kernels and take memory, so that only a second run is counted
SHOWN = 256  # images that a classifier is measured with
LENGTHS = {"updates", "passes", "epochs", "milestones"}  # of a recipe
Speeds = dict[str, Speed]  # by stage


def measured(work: Sequence[Work], splits: Mapping[str, Splits]) -> dict[tuple[str, str, str], Speed]:
    """By dataset, stage and name, the speeds of a worker that the settings ask for; measured once for all alike."""
    known: dict[str, Speeds] = {}
    speeds: dict[tuple[str, str, str], Speed] = {}
    bar = progress("measuring speeds", len(work), unit="stages")
    for one in work:
        measure, alike = _measurement(one, splits[one.row.place]["seeds"])
        if alike not in known:
            known[alike] = measure()
        speeds[one.row.dataset, one.stage, one.name] = known[alike][one.stage]
        bar.update()
    bar.close()
    return speeds


def _measurement(work: Work, seeds: Dataset) -> tuple[Callable[[], Speeds], str]:
    """How to measure a work, and all that its speed depends on."""
    row, size = work.row, work.row.spec.resolution
    if work.stage == "adapt":
        assert row.adapt is not None
        return partial(call, partial(adaptation, seeds, row), row.compute), f"adapt {row.adapt.expander} {size}"
    if work.stage == "audit":
        alike = f"audit {row.audit_guide} {row.audit.images_per_batch} {size}"
        return partial(call, partial(audit, seeds, row), row.compute), alike
    if work.stage in ("train", "evaluate"):
        name, recipe = work.name.split(" ")
        shaping = row.training.recipes[name][recipe].model_dump_json(exclude={*LENGTHS, "learning_rate"})
        alike = f"train {row.training.architectures[name]} {shaping} {size}"
        return partial(_at_once, partial(training, seeds, row, name, recipe), row), alike
    making = {"guided", "expander", "augmentation", "filtered_by", "image_files"}
    made_by = row.model_dump_json(include=making, exclude={"expander": {"config": {"adapt"}}})
    return partial(_at_once, partial(expansion, seeds, row), row), f"expand {made_by} {size}"


def _at_once(function: Callable[[], Speeds], row: RowSettings) -> Speeds:
    """The mean over all workers, who measure side by side, as they will work: they share memory and cores."""
    workers = range(worker_count(row.compute))
    found = [speeds for _, speeds in start(lambda: lambda worker: function(), workers, row.compute)]
    return {stage: Speed(*np.mean([astuple(speeds[stage]) for speeds in found], 0)) for stage in found[0]}


def _seconds(function: Callable[[], object]) -> float:
    """Until all GPUs are done."""
    clock = Clock()
    with clock("all"):
        function()
    return clock.seconds["all"]


def expansion(seeds: Dataset, row: RowSettings) -> Speeds:
    """`prepare` (per seed) and `expand` (per image asked for, with those that are refused): the second of two batches.

    A fine-tuned generator is as fast as the one that it comes from, which is the one that is measured.
    """
    plan = plan_of(seeds, row)
    size = plan.seeds_per_batch
    some = np.argsort(seeds["label"][:], kind="stable")[: 2 * size]  # of the same classes, a batch per shard
    some = some[: len(some) // size * size or len(some)]
    plan = replace(plan, seeds=seeds.select(some), seeds_per_shard=size, least_kappa=None)
    started = time.perf_counter()
    augmenter = plan.load_augmenter()
    loading = time.perf_counter() - started
    with temporary_folder() as first, temporary_folder() as second:
        preparing = [_seconds(partial(prepare, folder, plan, augmenter)) for folder in (first, second)][-1]
        prepared = Prepared.read(second, plan, augmenter)
        for shard in range(plan.shards):
            clock = Clock()
            table, _ = expand_shard(plan, prepared, shard, clock)
        images = min(size, len(plan.seeds)) * plan.ratio
    return {
        "prepare": Speed(0, preparing / len(plan.seeds)),
        "expand": Speed(loading, clock.total / images, 0, table.nbytes / max(table.num_rows, 1)),
    }


def training(seeds: Dataset, row: RowSettings, name: str, recipe_name: str) -> Speeds:
    """`train` (per image of a batch) and `evaluate` (per image) of a network; its weights are what is kept of it."""
    architecture, recipe = row.training.architectures[name], row.training.recipes[name][recipe_name]
    placement = for_training(place(row.compute))
    some = seeds.select(range(min(len(seeds), SHOWN)))
    data = Labelled(*to_tensors(some, row.spec.resolution), real=len(some))
    weights = locate_weights(architecture, row.hub) if recipe.pretrained else None
    same: dict[str, object] = {**dict.fromkeys(LENGTHS), "milestones": [], "soft_labels": None, "real_share": None}

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
    rows = torch.arange(SHOWN) % len(data)
    shown = replace(data, rows=rows, labels=data.labels[rows])
    looking = [_seconds(partial(predict, trained.model, shown, placement)) for _ in range(2)][-1]
    size = sum(value.numel() * value.element_size() for value in trained.model.state_dict().values())
    per_image = 1 / trained.speed["images_per_second"]
    return {"train": Speed(building, per_image, size), "evaluate": Speed(0, looking / SHOWN)}


def audit(seeds: Dataset, row: RowSettings) -> Speeds:
    """Per image that is looked at."""
    told, config = words(class_names(seeds), row.spec.names), row.audit
    started = time.perf_counter()
    asked = row.audit_guide, told, row.spec.templates, row.compute, row.hub, config.logit_scale
    classify = load_zero_shot(*asked, config.images_per_batch)
    loading = time.perf_counter() - started
    some = seeds.select(range(min(len(seeds), config.images_per_batch)))
    looking = [_seconds(lambda: classify(to_tensors(some, row.spec.resolution)[0].float() / 255)) for _ in range(2)]
    return {"audit": Speed(loading, looking[-1] / len(some))}


def adaptation(seeds: Dataset, row: RowSettings) -> Speeds:
    """`adapt`, per update."""
    settings = row.adapt
    assert settings is not None and settings.expander.config.adapt is not None
    config, name = settings.expander.config.adapt, f"measuring {settings.expander.config.generator}"
    started = time.perf_counter()
    task = task_of(seeds, settings)
    loading = time.perf_counter() - started

    def tune(steps: int) -> None:
        short = config.model_copy(update={"steps": steps})
        fine_tune(task, short, len(seeds), name=name, seed=0, checkpoint=None)

    tune(1)
    return {"adapt": Speed(loading, _seconds(partial(tune, FIRST)) / FIRST)}


def to_download(rows: Sequence[RowSettings]) -> dict[str, float | None]:
    """Gigabytes of the models that are used and not on this machine, by name."""
    used = {model.model: (model, row.hub) for row in rows for model in row.models}
    return {name: model.gigabytes for name, (model, hub) in used.items() if not found_locally(model, hub)}
