"""A user's mistake ends in one sentence that says what is wrong, where, and what is allowed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MISTAKES = {
    "ratio=0": "ratio = 0: input should be greater than or equal to 1",
    "expand_dalle.eps=-1": "expand_dalle.eps = -1: input should be greater than or equal to 0",
    "ratoi=3": "ratoi is not a known key; allowed here: data_dir, models_dir, datasets",
    "expand_mae.generator.size=3": "expand_mae.generator.size is not a known key; allowed here: kind, model, decoding",
    "datasets=[moths]": "datasets: 'moths' is not known; allowed: fashion",
    "methods.mixup.pipeline=augment_baselines": "'mixup' is not known; allowed: cutout, gridmask, randaugment",
    "train.architectures=[vgg]": "'vgg' is not known; allowed: resnet10_small, resnet50",
    "train.recipe=quick": "train.recipe: 'quick' is not known; allowed: matched, paper",
    "expand_dalle.criteria=fancy": "expand_dalle.criteria: 'fancy' is not known; allowed: paper, corrected",
    "criteria_sets.paper.weights.beauty=1": "should be 'consistency', 'entropy' or 'diversity'",
}


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kedro", "run", *options]
    return subprocess.run(command, cwd=ROOT, env={**os.environ}, text=True, capture_output=True, check=False)


def mistake_is_explained(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert done.returncode != 0
    assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(("parameter", "sentence"), MISTAKES.items())
def test_wrong_parameter_is_refused(parameter: str, sentence: str, tmp_path: Path) -> None:
    # the data folder cannot be set together with a list, so nothing is made: checks come before any work
    mistake_is_explained(run("--params", parameter), sentence)


def test_unknown_pipeline_and_namespace_are_refused() -> None:
    mistake_is_explained(run("--pipelines", "expand_gan"), "Failed to find the pipeline named 'expand_gan'")
    mistake_is_explained(run("--namespaces", "moths"), "namespaces: ['moths']")


def test_missing_inputs_are_named(tmp_path: Path) -> None:
    done = run("--pipelines", "augment_baselines", "--params", f"data_dir={tmp_path}")
    mistake_is_explained(done, str(tmp_path / "03_primary/fashion/seeds"))


def test_missing_and_truncated_weights_are_named(tmp_path: Path) -> None:
    done = run("--params", f"expand_dalle.generator.model={tmp_path}")
    mistake_is_explained(done, f"no weights in {tmp_path}")
    embedded = ROOT / "src/guided_imagination/embedded/clip/model.safetensors"
    (tmp_path / "model.safetensors").write_bytes(embedded.read_bytes()[:-1000])
    done = run("--params", f"expand_dalle.generator.model={tmp_path}")
    mistake_is_explained(done, f"{tmp_path}/model.safetensors is truncated")


def test_too_few_images_in_a_class_are_named(tmp_path: Path) -> None:
    done = run("--pipelines", "ingest", "--params", f"data_dir={tmp_path},dataset_specs.fashion.seeds_per_class=51")
    mistake_is_explained(done, "class 'T-shirt' has 50 images, 51 were asked for")
