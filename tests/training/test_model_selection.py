import json

import pandas as pd
import torch

from guided_imagination.data.arrays import Labelled
from guided_imagination.training.classifier import predict
from guided_imagination.training.model_selection import best_cell, example, load_classifier
from helpers.cells import ARCHITECTURE, RECIPE, job, run


def judge(models, seed, validation, accuracy):
    """Replace what a finished cell has reached."""
    (path,) = models.rglob(f"*seed{seed}/result.json")
    result = json.loads(path.read_text())
    history = [[{"train_loss": 1.0, **validation}, 4]]
    path.write_text(json.dumps({**result, "history": history, "accuracy": accuracy}))


def test_the_best_cell_is_chosen_by_validation_not_by_the_measured_images(tmp_path):
    table, _ = run(tmp_path, job(0), job(1))
    judge(tmp_path, 0, {"validation_accuracy": 70.0}, 99.0)
    judge(tmp_path, 1, {"validation_accuracy": 80.0}, 10.0)
    cell, result = best_cell(table, tmp_path)
    assert cell.seed == 1
    assert result["accuracy"] == 10


def test_its_run_is_that_of_the_table_not_that_of_a_tracking_store_that_is_gone(tmp_path):
    table, _ = run(tmp_path)
    _, result = best_cell(table.assign(run_id="run of today"), tmp_path)
    assert result["run_id"] == "run of today"


def test_without_validation_images_nothing_is_chosen(tmp_path):
    table, _ = run(tmp_path)
    judge(tmp_path, 0, {}, 99.0)
    assert best_cell(table, tmp_path) is None
    assert best_cell(pd.DataFrame(columns=table.columns), tmp_path) is None


def test_the_classifier_is_loaded_as_it_was_trained(tmp_path):
    run(tmp_path)
    folder = job().cell.folder(tmp_path)
    pixels = torch.randint(256, (6, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    classifier = load_classifier(folder, ARCHITECTURE, 2, RECIPE)
    with torch.no_grad():
        probabilities = classifier(pixels)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(6))
    logits = predict(classifier.network, Labelled(pixels, torch.zeros(6)))
    torch.testing.assert_close(probabilities, logits.softmax(1))
    assert example(8).shape == (2, 3, 8, 8)
