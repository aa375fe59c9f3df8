"""The split of a new domain: drawn, then cleared of near-duplicates by a CLIP that is trained for that alone."""

import logging
from pathlib import Path

import torch

from guided_imagination.config.defaults import embedded
from guided_imagination.config.models import GuideConfig
from guided_imagination.config.pretraining import NEAR_DUPLICATES, PretrainConfig
from guided_imagination.models.device import CPU
from guided_imagination.models.loading import load_guide
from guided_imagination.pretraining import splits
from guided_imagination.pretraining.clip import train_clip
from guided_imagination.pretraining.images import DomainImages, open_domain, turned
from guided_imagination.pretraining.splits import Split
from guided_imagination.pretraining.stages import check_models
from guided_imagination.utils.errors import InputError

logger = logging.getLogger(__name__)
BATCH = 256


def fix_split(config: PretrainConfig) -> Split:
    """Which images of the domain are set aside: what the package says of it, or a new draw.

    The CLIP that near-duplicates are found by has seen none of the shares of the first draw. It is trained as the
    domain's own and used for nothing else.
    Raises InputError if the domain has a split: what models were not trained on is never drawn again.
    """
    path, shipped = config.folder("split.json"), Path(embedded(config.domain)) / "split.json"
    if path.exists():
        raise InputError(f"{path} already exists and is fixed, because models were trained without its images")
    if shipped.exists():
        logger.info("the split of %s is that of the package, whose test images no model may see", config.domain)
        return Split.model_validate_json(shipped.read_bytes())
    check_models(config)
    domain = config.chosen
    source = open_domain(domain)
    if domain.split is not None:
        return splits.of_classes(Split.model_validate_json(Path(domain.split).read_bytes()), source)
    split = splits.draw(source, domain.shares)
    if domain.near_duplicate is None:
        return split
    cleared = splits.without_near_duplicates(split, source, domain.shares, _pairs(config, source, split))
    logger.info("%d near-duplicates across shares are left out", len(cleared.ids(NEAR_DUPLICATES)))
    return cleared


def _pairs(config: PretrainConfig, source: DomainImages, split: Split) -> list[tuple[str, str]]:
    """Ids of images that look alike to a CLIP trained on what no share has."""
    assert config.chosen.near_duplicate is not None
    folder = Path(config.checkpoints) / config.domain / "near_duplicates"
    training = source.read(splits.training_ids(source, split))
    train_clip(turned(training) if config.chosen.turns else training, source.class_names, config, folder)
    judge = load_guide(GuideConfig(model=str(folder)), source.class_names, config.chosen.templates, CPU, folder)
    images = source.read(source.labels)
    with torch.no_grad():
        rows = torch.arange(len(images.labels)).split(BATCH)
        embeddings = torch.cat([judge.features(images.rgb(part)) for part in rows])
    pairs = splits.near_pairs(embeddings, config.chosen.near_duplicate)
    return [(images.ids[first], images.ids[second]) for first, second in pairs]
