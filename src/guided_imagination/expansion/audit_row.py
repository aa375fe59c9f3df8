"""The audit of one row by the settings of its dataset: the guide is loaded, what all rows share is kept."""

from pathlib import Path

import pandas as pd
from datasets import Dataset

from guided_imagination.config.rows import Audited
from guided_imagination.data.dataset import checksum, class_names, in_batches
from guided_imagination.data.sources.classes import words
from guided_imagination.expansion import audit
from guided_imagination.models.loading import load_zero_shot
from guided_imagination.models.weights import model_checksum
from guided_imagination.models.zero_shot import ZeroShotClassifier
from guided_imagination.utils.seeding import derive_seed


def audit_rows(
    seeds: Dataset,
    validation: Dataset,
    settings: Audited,
    expansions: dict[str, audit.Images | None],
    kept: Path | None = None,
) -> pd.DataFrame:
    """A row for each expansion by the name of its method; None stands for the seeds themselves.

    What all are compared with, the seeds and `validation`, is read from the folder `kept` if it is there, and left
    there for the next one.
    """
    config, classify = settings.audit, _classifier(seeds, settings)
    known = _known(seeds, validation, settings, classify, kept)
    rows = (
        audit.audit(
            known,
            expanded,
            classify,
            settings.spec.resolution,
            config.near_duplicate,
            config.images_per_batch,
            config.images,
        )
        for expanded in expansions.values()
    )
    return audit.table({"method": method, **row} for method, row in zip(expansions, rows, strict=True))


def _known(
    seeds: Dataset, validation: Dataset, settings: Audited, classify: ZeroShotClassifier, kept: Path | None
) -> audit.Reference:
    config, spec = settings.audit, settings.spec
    if kept is None:
        return audit.reference(seeds, validation, classify, spec.resolution, config.images_per_batch, config.images)
    path, weights = kept / "seen.npz", model_checksum(settings.audit_guide, settings.hub)
    said = words(class_names(seeds), spec.names), spec.templates
    shaping = config.model_dump(), spec.resolution, *said, checksum(seeds), checksum(validation), weights
    key = f"{derive_seed(*shaping):016x}"
    known = audit.Reference.load(path, key)
    if known is None:
        known = _known(seeds, validation, settings, classify, None)
        known.save(path, key)
    return known


def _classifier(seeds: Dataset, settings: Audited) -> ZeroShotClassifier:
    told = words(class_names(seeds), settings.spec.names)
    asked = settings.audit_guide, told, settings.spec.templates, settings.compute, settings.hub
    config = settings.audit
    classify = load_zero_shot(*asked, config.logit_scale, config.images_per_batch)
    if config.head == "text":
        return classify
    shown = in_batches(seeds, settings.spec.resolution, config.images_per_batch)
    return classify.learned(config.head, shown, len(class_names(seeds)))[0]
