"""CLIP's zero-shot classification of the measured images: a reference line, trained on none of them."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch
from datasets import Dataset

from guided_imagination import __version__
from guided_imagination.config.rows import ORIGINALS
from guided_imagination.data.arrays import decode
from guided_imagination.models.clip import Guide
from guided_imagination.models.device import Batches, Placement
from guided_imagination.models.zero_shot import ZeroShotClassifier
from guided_imagination.training.cells import RESULT_COLUMNS, keep
from guided_imagination.training.grid import Cell
from guided_imagination.training.metrics import classification_metrics
from guided_imagination.utils.files import replacing_folder

METHOD, RECIPE = "clip_zero_shot", "zero-shot"
LOGIT_SCALE = 100  # CLIP's own
BATCH = 64  # images


def reference(
    guide: Guide,
    measured: Dataset,
    resolution: int,
    placement: Placement,
    *,
    dataset: str,
    draw: int,
    name: str,
    split: str,
    models: Path,
) -> pd.DataFrame:
    """One row of RESULT_COLUMNS: how well the guide called `name` classifies the split without any training."""
    cell = Cell(dataset, METHOD, ORIGINALS, name, RECIPE, 0, draw)
    classify = ZeroShotClassifier(guide, LOGIT_SCALE, placement, Batches(BATCH))
    code = {"split": split, "recipe_key": RECIPE, "code": __version__, "precision": placement.precision}
    origin = {**code, "updates": 0, "images": 0}
    with replacing_folder(cell.folder(models)) as made:
        data = decode([measured], len(measured), made / "images", resolution).data
        logits = torch.cat([classify(data[rows][0] / 255).log_probs for rows in torch.arange(len(data)).split(BATCH)])
        shutil.rmtree(made / "images")
        result = origin | classification_metrics(logits, data.labels)
        keep(made, result, logits, data.labels)
    return pd.DataFrame([{**asdict(cell), **result, "run_id": ""}], columns=RESULT_COLUMNS)
