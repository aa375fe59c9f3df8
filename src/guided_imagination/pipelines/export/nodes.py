"""Nodes of `export`."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset

from guided_imagination.config import ExportConfig, RowSettings
from guided_imagination.data.dataset import class_names
from guided_imagination.expansion import export, hub
from guided_imagination.expansion.dataset_card import dataset_card, model_licence
from guided_imagination.expansion.store import MANIFEST, Expansion
from guided_imagination.expansion.weeding import weeded
from guided_imagination.utils.files import replacing_folder, write_json

logger = logging.getLogger(__name__)


def write(
    seeds: Dataset, test: Dataset, expanded: Expansion, config: ExportConfig, settings: RowSettings
) -> dict[str, Any]:
    """Export one expansion in each form, without what was weeded, and to the hub if asked.

    Returns folders and their numbers of images.
    """
    expanded.check_made_of(seeds)
    place, method = settings.place, settings.method
    expanded = weeded(expanded, settings.spec.weed, settings.dataset, settings.draw, method)
    repository = config.repository(place, method)
    if repository and not config.dry_run:
        hub.check_access()  # before the work, and before anything is there
    names, manifest = class_names(seeds), expanded.manifest
    licences = _licences(manifest, settings)
    record: dict[str, Any] = {}
    for form in config.formats:
        target = Path(config.folder) / place / method / form
        parts = export.splits(seeds, expanded, test if config.test and len(test) else None)
        with replacing_folder(target) as partial:
            if form == "imagefolder":
                rows = export.write_image_folder(partial, parts, names)
            else:
                rows = export.write_shards(partial, parts)
            left, parquet = len(expanded.weeded), form == "huggingface"
            card = dataset_card(place, method, rows, manifest, licences, names, parquet=parquet, weeded=left)
            (partial / "README.md").write_text(card, encoding="utf-8")
            write_json(partial / MANIFEST, export.shared_manifest(manifest))
        logger.info("%s: %s", target, ", ".join(f"{count} {split} images" for split, count in rows.items()))
        record[form] = {"folder": str(target), "images": rows}
    if repository:
        record["hub"] = _send(Path(record["huggingface"]["folder"]), repository, config)
    return record


def _licences(manifest: Mapping[str, Any], settings: RowSettings) -> dict[str, str | None]:
    """Of the seeds, and of the generator if there is one; None where nobody states it."""
    licences = {"seeds": settings.spec.licence}
    if made_by := manifest["found"].get("models", {}).get("generator"):
        preset = settings.expander.generator if settings.expander else None
        known = preset.licence if preset and preset.model == made_by else None
        licences["generator"] = model_licence(made_by, settings.hub, known)
    return licences


def _send(folder: Path, repository: str, config: ExportConfig) -> dict[str, Any]:
    """Push a folder, or say what would be pushed."""
    files = hub.contents(folder)
    record = {"repository": repository, "private": config.private, "files": files, "commit": None}
    kind = "private" if config.private else "public"
    told = f"the {kind} dataset repository {repository}: {len(files)} files, {sum(files.values()) / 1e6:.2f} MB"
    if config.dry_run:
        for name, size in files.items():
            logger.info("would send %s (%d bytes)", name, size)
        logger.info("nothing was sent (export.dry_run) to %s", told)
        return record
    record["commit"] = hub.push(folder, repository, config.private)
    logger.info("sent to %s; %s", told, record["commit"])
    return record
