"""`export`: seeds, test images and an expansion -> folders for use elsewhere."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.pipeline import Node, Pipeline

from guided_imagination.config.expansion import ExportConfig
from guided_imagination.config.rows import RowSettings
from guided_imagination.utils.files import replacing_folder, write_json

if TYPE_CHECKING:
    from datasets import Dataset

    from guided_imagination.expansion.store import Expansion

logger = logging.getLogger(__name__)
CONFIG = "params:export"


def create_pipeline(datasets: Iterable[str], methods: Iterable[str]) -> Pipeline:
    """One namespace per dataset and exported method."""
    return Pipeline([_row(dataset, method) for dataset in datasets for method in methods])


def _row(dataset: str, method: str) -> Pipeline:
    given = {**{split: f"{dataset}.{split}" for split in ("seeds", "test")}, "expanded": f"{dataset}.{method}.expanded"}
    node = Node(export, [*given, CONFIG, "params:settings"], "exported", name="export", tags="export")
    return Pipeline([node], namespace=f"{dataset}.{method}", inputs=given, parameters={CONFIG: CONFIG})


def export(
    seeds: "Dataset", test: "Dataset", expanded: "Expansion", config: ExportConfig, settings: RowSettings
) -> dict[str, Any]:
    """Export one expansion in each form, without what was weeded, and to the hub if asked.

    Returns folders and their numbers of images.
    """
    from guided_imagination.data.dataset import class_names
    from guided_imagination.expansion import export as forms
    from guided_imagination.expansion import hub
    from guided_imagination.expansion.dataset_card import dataset_card
    from guided_imagination.expansion.store import MANIFEST
    from guided_imagination.expansion.weeding import weeded

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
        parts = forms.splits(seeds, expanded, test if config.test and len(test) else None)
        with replacing_folder(target) as partial:
            if form == "imagefolder":
                rows = forms.write_image_folder(partial, parts, names)
            else:
                rows = forms.write_shards(partial, parts)
            left, parquet = len(expanded.weeded), form == "huggingface"
            card = dataset_card(place, method, rows, manifest, licences, names, parquet=parquet, weeded=left)
            (partial / "README.md").write_text(card, encoding="utf-8")
            write_json(partial / MANIFEST, forms.shared_manifest(manifest))
        logger.info("%s: %s", target, ", ".join(f"{count} {split} images" for split, count in rows.items()))
        record[form] = {"folder": str(target), "images": rows}
    if repository:
        record["hub"] = _send(Path(record["huggingface"]["folder"]), repository, config)
    return record


def _licences(manifest: Mapping[str, Any], settings: RowSettings) -> dict[str, str | None]:
    """Of the seeds, and of the generator if there is one; None where nobody states it."""
    from guided_imagination.expansion.dataset_card import model_licence

    licences = {"seeds": settings.spec.licence}
    if made_by := manifest["found"].get("models", {}).get("generator"):
        preset = settings.expander.generator if settings.expander else None
        known = preset.licence if preset and preset.model == made_by else None
        licences["generator"] = model_licence(made_by, settings.hub, known)
    return licences


def _send(folder: Path, repository: str, config: ExportConfig) -> dict[str, Any]:
    """Push a folder, or say what would be pushed."""
    from guided_imagination.expansion import hub

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
