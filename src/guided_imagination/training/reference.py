"""An encoder with a head that classifies without any training: a reference line beside the trained classifiers."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from datasets import Dataset
from torch import Tensor

from guided_imagination import __version__
from guided_imagination.config.models import HeadChoice
from guided_imagination.config.rows import ORIGINALS
from guided_imagination.data.dataset import class_names, in_batches
from guided_imagination.models.clip import Guide
from guided_imagination.models.device import Batches, Placement
from guided_imagination.models.heads import Fitted
from guided_imagination.models.zero_shot import ZeroShotClassifier
from guided_imagination.training.cells import RESULT_COLUMNS, keep
from guided_imagination.training.classifier import accuracy
from guided_imagination.training.grid import Cell
from guided_imagination.training.metrics import classification_metrics
from guided_imagination.utils.files import replacing_folder

RECIPES = {"text": "zero-shot", "seeds": "few-shot", "both": "few-shot with text"}
BATCH = 64  # images


def fitted(
    guide: Guide, head: HeadChoice, seeds: Dataset, resolution: int, placement: Placement, logit_scale: float | None
) -> tuple[ZeroShotClassifier, Fitted]:
    """A classifier by the chosen head of `guide`, learned from the seeds; None: at the scale where it is calibrated."""
    classify = ZeroShotClassifier(guide, logit_scale or guide.logit_scale, placement, Batches(BATCH))
    return classify.learned(head, in_batches(seeds, resolution, BATCH), len(class_names(seeds)))


def reference(
    classify: ZeroShotClassifier,
    found: Fitted,
    measured: Dataset,
    validation: Dataset,
    resolution: int,
    *,
    dataset: str,
    draw: int,
    method: str,
    encoder: str,
    split: str,
    models: Path,
) -> pd.DataFrame:
    """One row of RESULT_COLUMNS: how well the encoder of this name classifies `measured`, and validation images."""
    recipe = RECIPES[found.name]
    cell = Cell(dataset, method, ORIGINALS, encoder, recipe, 0, draw)
    code = {"split": split, "recipe_key": recipe, "code": __version__, "precision": classify.placement.precision}
    origin = {**code, "updates": 0, "images": 0 if found.name == "text" else len(found.left_out.labels)}
    with replacing_folder(cell.folder(models)) as made:
        logits, labels = _classified(classify, measured, resolution)
        result = origin | classification_metrics(logits, labels) | {"validation": None}
        if len(validation):
            result["validation"] = accuracy(*_classified(classify, validation, resolution))
        keep(made, result, logits, labels)
    return pd.DataFrame([{**asdict(cell), **result, "run_id": ""}], columns=RESULT_COLUMNS)


def _classified(classify: ZeroShotClassifier, images: Dataset, resolution: int) -> tuple[Tensor, Tensor]:
    """Log-probabilities (N, C) and labels (N,)."""
    found = [(classify(pixels).log_probs, labels) for pixels, labels in in_batches(images, resolution, BATCH)]
    log_probs, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
    return log_probs, labels
