"""Encoders with heads as rows of the tables, against what their scores say."""

import json

import pandas as pd
import pytest
import torch

from guided_imagination import __version__
from guided_imagination.data.dataset import to_tensors
from guided_imagination.models.device import CPU
from guided_imagination.models.heads import fit
from guided_imagination.training.cells import RESULT_COLUMNS
from guided_imagination.training.reference import fitted, reference
from helpers.toy import SIDE, dataset

NAMES = ["a", "b"]
SEEDS = dataset([0, 1, 0, 1, 1, 0], NAMES, side=SIDE * 4)
IMAGES = dataset([0, 1, 1, 0], NAMES, side=SIDE * 4)
RESOLUTION = SIDE * 4
WHERE = {"dataset": "pets", "draw": 0, "encoder": "clip", "split": "validation"}


def row_of(guide, head, folder):
    found = fitted(guide, head, SEEDS, RESOLUTION, CPU, None)
    table = reference(*found, IMAGES, SEEDS, RESOLUTION, method="clip_row", models=folder, **WHERE)
    assert list(table) == RESULT_COLUMNS
    (row,) = table.to_dict("records")
    return row


def test_a_zero_shot_row_is_how_well_the_guide_predicts(guide, tmp_path):
    pixels, labels = to_tensors(IMAGES)
    right = guide.predict(pixels / 255) == labels
    row = row_of(guide, "text", tmp_path)
    assert row["accuracy"] == pytest.approx(100 * right.float().mean().item())
    assert (row["method"], row["ratio"], row["architecture"], row["seed"]) == ("clip_row", 0, "clip", 0)
    assert (row["split"], row["precision"], row["updates"], row["images"]) == ("validation", "float32", 0, 0)
    assert (row["recipe"], row["recipe_key"], row["code"]) == ("zero-shot", "zero-shot", __version__)
    (predictions,) = tmp_path.rglob("predictions.parquet")
    assert pd.read_parquet(predictions)["correct"].tolist() == right.tolist()
    assert json.loads(predictions.with_name("result.json").read_text())["accuracy"] == row["accuracy"]
    assert sorted(path.name for path in predictions.parent.iterdir()) == ["predictions.parquet", "result.json"]


def test_a_few_shot_row_is_what_a_discriminant_of_the_seeds_predicts(guide, tmp_path):
    """Its tables are those of features that were computed beforehand."""
    with torch.no_grad():
        features, others = (guide.features(to_tensors(images)[0] / 255) for images in (SEEDS, IMAGES))
    labels = torch.tensor(SEEDS["label"][:])
    head = fit(lambda: [(features, labels)], 2).head
    predicted = (others @ head.weight.T + head.bias).argmax(1)
    row = row_of(guide, "seeds", tmp_path)
    expected = (predicted == torch.tensor(IMAGES["label"][:])).float().mean().item()
    assert row["accuracy"] == pytest.approx(100 * expected)
    assert (row["recipe"], row["images"]) == ("few-shot", len(SEEDS))
