"""CLIP's zero-shot classification of the measured images: a reference line, trained on none of them."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from datasets import Dataset

from guided_imagination.config import ORIGINALS
from guided_imagination.data.arrays import decode
from guided_imagination.models.clip import Guide, ZeroShotClassifier
from guided_imagination.models.device import Batches, Placement
from guided_imagination.training.cells import RESULT_COLUMNS, keep
from guided_imagination.training.grid import Cell
from guided_imagination.training.metrics import classification_metrics

METHOD, RECIPE = "clip_zero_shot", "zero-shot"
LOGIT_SCALE = 100  # CLIP's own
BATCH = 64  # images


def reference(
    guide: Guide, measured: Dataset, resolution: int, placement: Placement, *, dataset: str, name: str, models: Path
) -> pd.DataFrame:
    """One row of RESULT_COLUMNS: how well the guide called `name` classifies without any training."""
    cell = Cell(dataset, METHOD, ORIGINALS, name, RECIPE, 0)
    folder = cell.folder(models)
    shutil.rmtree(folder, ignore_errors=True)
    data = decode([measured], len(measured), folder / "images", resolution).data
    classify = ZeroShotClassifier(guide, LOGIT_SCALE, placement, Batches(BATCH))
    logits = torch.cat([classify(data[rows][0] / 255).log_probs for rows in torch.arange(len(data)).split(BATCH)])
    shutil.rmtree(folder)
    result = classification_metrics(logits, data.labels)
    keep(folder, result, logits, data.labels)
    return pd.DataFrame([{**asdict(cell), **result, "run_id": ""}], columns=RESULT_COLUMNS)
