"""Nodes of `export`."""

import logging
from pathlib import Path
from typing import Any

from datasets import Dataset

from guided_imagination.config import ExportConfig
from guided_imagination.config.rows import hub_folder
from guided_imagination.data.dataset import class_names
from guided_imagination.expansion import export
from guided_imagination.expansion.dataset_card import UNKNOWN, dataset_card, model_licence
from guided_imagination.expansion.store import Expansion
from guided_imagination.utils.files import replacing_folder

logger = logging.getLogger(__name__)


def write(
    seeds: Dataset,
    test: Dataset,
    expanded: Expansion,
    config: ExportConfig,
    models_dir: str,
    *,
    dataset: str,
    method: str,
) -> dict[str, Any]:
    """Export one expansion in each form; returns folders and their numbers of images."""
    expanded.check_made_of(seeds)
    names, manifest = class_names(seeds), expanded.manifest
    licences = {"seeds": config.licences.get(dataset, UNKNOWN)}
    if generator := manifest["found"].get("models", {}).get("generator"):
        licences["generator"] = model_licence(generator, hub_folder(models_dir), config.licences)
    record: dict[str, Any] = {}
    for form in config.formats:
        target = Path(config.folder) / dataset / method / form
        parts = export.splits(seeds, expanded, test if config.test else None)
        with replacing_folder(target) as partial:
            if form == "imagefolder":
                rows = export.write_image_folder(partial, parts, names)
            else:
                rows = export.write_shards(partial, parts)
                card = dataset_card(dataset, method, rows, manifest, licences, names)
                (partial / "README.md").write_text(card, encoding="utf-8")
        logger.info("%s: %s", target, ", ".join(f"{count} {split} images" for split, count in rows.items()))
        record[form] = {"folder": str(target), "images": rows}
    return record
