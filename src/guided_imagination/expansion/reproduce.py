"""An expansion made again from what its manifest says: do the same bytes come out?"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from datasets import Dataset

from guided_imagination.config.augmentation import AUGMENT
from guided_imagination.config.origin import origin_of, recorded, row_of
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import RowSettings, place_of
from guided_imagination.data import ingestion
from guided_imagination.data.dataset import saved
from guided_imagination.expansion import store
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.plan import ADAPTED, plan_of
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.workers import call

OF_MACHINE = ("platform", "python", "versions", "threads", "gpus")  # what may let other bits come out


def remake(manifest: Mapping[str, Any], parameters: Parameters, folder: Path) -> dict[str, Any]:
    """Make the expansion of a manifest again in the empty `folder`; returns the new manifest.

    parameters: a project's, changed so that the row has its origin (config.changes). Seeds are drawn and a generator
    is fine-tuned anew; models are those of the project. Raises InputError, before anything is made, if seeds, weights
    or settings are others, so that other bytes would come out.
    """
    dataset, draw, method = row_of(recorded(manifest))
    place = place_of(dataset, draw)
    models = folder / "models"
    row = _in(parameters.row(place, method), models)
    seeds = saved(folder / "seeds", ingestion.read(row.spec, row.draw).seeds)
    origin, there = origin_of(parameters, place, method), dict(manifest["fingerprint"])
    there["inputs"] = {name: value for name, value in there["inputs"].items() if name != ADAPTED}
    tuned = ADAPTED in manifest["fingerprint"]["inputs"]
    _refuse(f"{place}.{method}", there, plan_of(seeds, row).fingerprint)  # before a fine-tuning that would be in vain
    plan = plan_of(seeds, row, _adapted(seeds, parameters, place, method, models) if tuned else None, origin)
    _refuse(f"{place}.{method}", manifest["fingerprint"], plan.fingerprint)
    return expand(folder / "expanded", plan)


def verdict(manifest: Mapping[str, Any], again: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """File, checksum there and checksum now (SHA-256) of every shard; "absent" where there is none."""
    old, new = ({shard["file"]: shard["checksum"] for shard in one["shards"]} for one in (manifest, again))
    return [(file, old.get(file, "absent"), new.get(file, "absent")) for file in dict.fromkeys([*old, *new])]


def other_machine(manifest: Mapping[str, Any]) -> list[str]:
    """How the machine that made the last shards differs from this one, in what may round otherwise."""
    there, here = manifest["sessions"][-1], store.describe_machine()
    return store.compared({name: there.get(name) for name in OF_MACHINE}, {name: here[name] for name in OF_MACHINE})


def _refuse(name: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    if others := store.compared(there, here):
        raise InputError(f"{name} cannot come out the same here: {'; '.join(others)}")


def _in(row: RowSettings, models: Path) -> RowSettings:
    """The row with a folder of its own for models, where those that were put into the project's by hand are too."""
    models.mkdir(parents=True)
    if row.hub.is_dir():
        (models / "hub").symlink_to(row.hub.resolve(), target_is_directory=True)
    return row.model_copy(update={"models_dir": str(models)})


def _adapted(seeds: Dataset, parameters: Parameters, place: str, method: str, models: Path) -> Mapping[str, Any]:
    """The record of the generator that the row's pipeline fine-tunes."""
    from guided_imagination.generators.adaptation.adapt import adapt  # imports diffusers, which baselines do not need

    pipeline = parameters.methods[method].pipeline
    assert pipeline is not None and pipeline != AUGMENT
    settings = parameters.adaptation(place, pipeline).model_copy(update={"models_dir": str(models)})
    return call(partial(adapt, seeds, settings), settings.compute)
