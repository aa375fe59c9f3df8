"""`reproduce`: an expansion made again from what its manifest says; do the same bytes come out?"""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from datasets import Dataset

from guided_imagination import __version__
from guided_imagination.api.expanding import usable
from guided_imagination.api.images import Images, read_images
from guided_imagination.api.settings import NAME
from guided_imagination.api.wording import explained
from guided_imagination.config.rows import ExpansionSettings
from guided_imagination.data import ingestion
from guided_imagination.data.dataset import saved
from guided_imagination.expansion import store
from guided_imagination.expansion.expand import expand as make
from guided_imagination.expansion.plan import ADAPTED, plan_of
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import temporary_folder
from guided_imagination.utils.workers import call

OF_MACHINE = ("platform", "python", "versions", "threads", "gpus")  # what may let other bits come out


@explained
def reproduce(
    folder: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    check: bool = True,
    images: Images | None = None,
    workers: int | None = 1,
) -> pd.DataFrame:
    """Make the expansion in `folder`, or of what was exported there, again from the settings in its manifest.

    >>> import tempfile, guided_imagination
    >>> seeds, test = guided_imagination.example(seeds_per_class=1)
    >>> folder = tempfile.mkdtemp()
    >>> expansion = guided_imagination.expand(seeds, ratio=1, method="cutout", out=folder)
    >>> table = guided_imagination.reproduce(folder, images=seeds)
    >>> bool((table["here"] == table["there"]).all())
    True

    out: a new folder that keeps what is made; None: nothing is kept.
    check: refuse other seeds, weights or another version before anything is made, and other bytes at the end. Without
        it the expansion is made with what is here.
    images: those that `expand` was called with; None: they are drawn from their source again, as `kedro run` draws.
    workers: as for `expand`.

    Paths that the manifest names are looked up from the folder that the call is made in. Seeds are drawn and a
    generator is fine-tuned anew. Returns a row per shard: its file, and its SHA-256 there and here.
    """
    manifest = store.read_manifest(Path(folder))
    row, there = _settings(manifest, check, workers), manifest["fingerprint"]
    target = None if out is None else usable(Path(out), images)
    if target is not None and (target.resolve() == Path(folder).resolve() or store.is_complete(target)):
        raise InputError(f"out = {str(target)!r} already contains an expansion: use a new folder")
    with temporary_folder() as temporary:
        models = temporary / "models"
        models.mkdir()
        if row.hub.is_dir():  # what was put there by hand
            (models / "hub").symlink_to(row.hub.resolve(), target_is_directory=True)
        row = row.model_copy(update={"models_dir": str(models)})
        seeds = saved(temporary / "seeds", _seeds(row, images))
        plan = plan_of(seeds, row)
        if check:  # before a fine-tuning that would be in vain
            inputs = {name: value for name, value in there["inputs"].items() if name != ADAPTED}
            _refuse(row.method, {**there, "inputs": inputs}, plan.fingerprint)
        if row.adapt is not None and ADAPTED in there["inputs"]:
            from guided_imagination.generators.adaptation.adapt import adapt  # imports what others do not need

            own = row.adapt.model_copy(update={"models_dir": str(models), "compute": row.compute})
            plan = plan_of(seeds, row, call(partial(adapt, seeds, own), row.compute))
            if check:
                _refuse(row.method, there, plan.fingerprint)
        made = make(target or temporary / "expanded", plan)
    sums = [{shard["file"]: shard["checksum"] for shard in one["shards"]} for one in (manifest, made)]
    table = pd.DataFrame(dict(zip(("there", "here"), sums, strict=True)), dtype=str).fillna("absent")
    table = table.rename_axis("file").reset_index()
    other = table["file"][table["there"] != table["here"]]
    if check and len(other):
        machines = [{name: one["sessions"][-1].get(name) for name in OF_MACHINE} for one in (manifest, made)]
        known = "; ".join(store.compared(*machines)) or "no difference of versions or machine is known"
        raise InputError(f"different bytes: {other.iloc[0]} is the first of {len(other)} shards that differ ({known})")
    return table


def _settings(manifest: Mapping[str, Any], check: bool, workers: int | None) -> ExpansionSettings:
    """Those that the manifest records. Raises InputError if it records none, or another version did if that counts."""
    record, made = manifest.get("found", {}).get("settings"), manifest.get("fingerprint", {})
    if not record:
        code = made.get("code", "unknown")
        raise InputError(f"the manifest, of version {code}, does not record its settings: run the expansion again")
    if check:
        _refuse(made["method"], {"code": made["code"]}, {"code": __version__})
    row = ExpansionSettings.of_record(record)
    return row.model_copy(update={"compute": row.compute.overridden({"workers": {"count": workers}})})


def _seeds(row: ExpansionSettings, images: Images | None) -> Dataset:
    if images is not None:
        return read_images(images, row.spec)
    if getattr(row.spec.source, "path", None) == NAME:
        raise InputError("the expansion was made from images passed to expand: pass them as images")
    return ingestion.read(row.spec, row.draw).seeds


def _refuse(method: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    if others := store.compared(there, here):
        raise InputError(f"{method} cannot be reproduced here: {'; '.join(others)}")
