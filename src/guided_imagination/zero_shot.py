"""CLIP's zero-shot classification of the measured images: a reference line, trained on none of them."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from datasets import Dataset
from torch import Tensor

from guided_imagination.device import Placement
from guided_imagination.grid import ORIGINALS, Cell
from guided_imagination.guide import Guide
from guided_imagination.metrics import measure
from guided_imagination.pixels import Labelled, decode
from guided_imagination.training import RESULT_COLUMNS, keep

METHOD, RECIPE = "clip_zero_shot", "zero-shot"


@torch.no_grad()
def classify(guide: Guide, data: Labelled, placement: Placement, batch_size: int = 64) -> Tensor:
    """Logits (N, C) on the CPU: 100 times the cosine of image and class name, up to a constant per image."""
    logits = []
    with placement.autocast():
        for rows in torch.arange(len(data)).split(batch_size):
            images, _ = data[rows]
            features = guide.features(images.to(placement.device) / 255)
            logits.append(guide.log_probs(features).float().cpu())
    return torch.cat(logits)


def reference(
    guide: Guide, measured: Dataset, resolution: int, placement: Placement, *, dataset: str, name: str, models: Path
) -> pd.DataFrame:
    """One row of RESULT_COLUMNS: how well the guide called `name` classifies without any training."""
    cell = Cell(dataset, METHOD, ORIGINALS, name, RECIPE, 0)
    folder = cell.folder(models)
    shutil.rmtree(folder, ignore_errors=True)
    data = decode([measured], len(measured), folder / "images", resolution).data
    logits = classify(guide, data, placement)
    shutil.rmtree(folder)
    result = measure(logits, data.labels)
    keep(folder, result, logits, data.labels)
    return pd.DataFrame([{**asdict(cell), **result, "run_id": ""}], columns=RESULT_COLUMNS)
