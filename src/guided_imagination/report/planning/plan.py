"""The plan of a run: every work with its speed, measured once for all that are alike, or looked up."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from guided_imagination.config.models import ComputeConfig, PretrainedModel
from guided_imagination.config.rows import AdaptSettings, RowSettings
from guided_imagination.models.weights import found_locally
from guided_imagination.report.planning.measure import (
    measure_adaptation,
    measure_audit,
    measure_expansion,
    measure_training,
)
from guided_imagination.report.planning.speeds import Speed, Speeds, mean, speed_of
from guided_imagination.report.planning.work import TRAINING, Place, Work, work_of
from guided_imagination.utils.progress import progress
from guided_imagination.utils.workers import call, start, worker_count

Measured = Mapping[str, Speed]  # by stage


def looked_up(places: Sequence[Place], speeds: Speeds) -> list[tuple[Work, Speed]]:
    """All work, with speeds of a table. Raises InputError for what the table does not have."""
    datasets = {place.name: place.dataset for place in places}
    return [(work, speed_of(work, datasets[work.place], speeds)) for place in places for work in work_of(place)]


def measured(places: Sequence[Place]) -> tuple[list[tuple[Work, Speed]], Speeds]:
    """All work with the speeds of a worker that the settings ask for, and those speeds by dataset, stage and name."""
    known: dict[str, Measured] = {}
    done: list[tuple[Work, Speed]] = []
    speeds: dict[tuple[str, str, str], Speed] = {}
    everything = [(place, work) for place in places for work in work_of(place)]
    bar = progress("measuring speeds", len(everything), unit="stages")
    for place, work in everything:
        key, measure = _measurement(place, work)
        if key not in known:
            known[key] = measure()
        speed = known[key][work.stage]
        done.append((work, speed))
        speeds[place.dataset, work.stage, work.name] = speed
        bar.update()
    bar.close()
    return done, speeds


def _measurement(place: Place, work: Work) -> tuple[str, Callable[[], Measured]]:
    """How to measure a work, and a key that is equal for all that are as fast."""
    if work.stage == "adapt":
        adapt = next(adapt for adapt in place.adapts if adapt.pipeline == work.name)
        return f"adapt {_alike(adapt)}", lambda: call(partial(measure_adaptation, place.seeds, adapt), adapt.compute)
    row = next(row for row in place.rows if row.method == work.row)
    if work.stage in TRAINING:
        name, recipe_name = work.name.split(" ")
        architecture, recipe = row.training.architectures[name], row.training.recipes[name][recipe_name]
        shaping = recipe.model_dump_json(exclude={"updates", "passes", "epochs", "milestones", "learning_rate"})
        key = f"train {architecture.model_dump_json()} {shaping} {row.spec.resolution}"
        function = partial(measure_training, place.seeds, row, architecture, recipe)
    elif work.stage == "audit":
        key = f"audit {row.audit_guide.model_dump_json()} {row.audit.images_per_batch} {row.spec.resolution}"
        function = partial(measure_audit, place.seeds, row)
        return key, lambda: call(function, row.compute)
    else:
        key, function = f"expand {_alike(row)}", partial(measure_expansion, place.seeds, row)
    return key, lambda: _at_once(function, row.compute)


def _at_once(function: Callable[[], Measured], compute: ComputeConfig) -> Measured:
    """The mean over all workers, who measure side by side, as they will work: they share memory and cores."""
    workers = range(worker_count(compute))
    results = [speeds for _, speeds in start(lambda: lambda worker: function(), workers, compute)]
    return {stage: mean([speeds[stage] for speeds in results]) for stage in results[0]}


def _alike(settings: RowSettings | AdaptSettings) -> str:
    """What the speed of a generator depends on."""
    if isinstance(settings, AdaptSettings):
        return f"{settings.expander.model_dump_json()} {settings.spec.resolution}"
    parts = [settings.expander, settings.augmentation, settings.filtered_by]
    shaping = [part.model_dump_json(exclude={"config": {"adapt"}}) if part else "" for part in parts]
    return f"{settings.guided} {shaping} {settings.spec.resolution} {settings.image_files.model_dump_json()}"


def to_download(places: Sequence[Place]) -> dict[str, float | None]:
    """Gigabytes of the models that are used and not on this machine, by name."""
    used: dict[str, PretrainedModel] = {}
    for place in places:
        for row in place.rows:
            for model in row.models:
                if model.model not in used and not found_locally(model, row.hub):
                    used[model.model] = model
    return {name: model.gigabytes for name, model in used.items()}
