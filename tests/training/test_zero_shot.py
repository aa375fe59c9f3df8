import json

import pandas as pd
import pytest

from guided_imagination import __version__
from guided_imagination.data.dataset import to_tensors
from guided_imagination.models.device import CPU
from guided_imagination.training.cells import RESULT_COLUMNS
from guided_imagination.training.zero_shot import reference
from helpers.toy import SIDE, ToyGuide, dataset

IMAGES = dataset([0, 1, 2, 0, 1, 2], ["a", "b", "c"])


def test_the_row_is_how_well_the_guide_predicts(tmp_path):
    guide = ToyGuide()
    pixels, labels = to_tensors(IMAGES)
    right = guide.predict(pixels / 255) == labels
    table = reference(
        guide, IMAGES, SIDE, CPU, dataset="pets", draw=0, name="clip", split="validation", models=tmp_path
    )
    assert list(table) == RESULT_COLUMNS
    (row,) = table.to_dict("records")
    assert row["accuracy"] == pytest.approx(100 * right.float().mean().item())
    assert (row["method"], row["ratio"], row["architecture"], row["seed"]) == ("clip_zero_shot", 0, "clip", 0)
    assert (row["split"], row["precision"], row["updates"]) == ("validation", "float32", 0)
    assert (row["recipe_key"], row["code"]) == ("zero-shot", __version__)
    (predictions,) = tmp_path.rglob("predictions.parquet")
    assert pd.read_parquet(predictions)["correct"].tolist() == right.tolist()
    assert json.loads(predictions.with_name("result.json").read_text())["accuracy"] == row["accuracy"]
    assert sorted(path.name for path in predictions.parent.iterdir()) == ["predictions.parquet", "result.json"]
