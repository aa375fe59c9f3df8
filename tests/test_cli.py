"""A user's mistake ends in one sentence that says what is wrong, where, and what is allowed."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from helpers.project import ROOT, kedro_run

pytestmark = pytest.mark.usefixtures("project")
MISTAKES = {
    "ratio=0": "ratio = 0: input should be greater than or equal to 1",
    "expand_dalle.eps=-1": "expand_dalle.eps = -1: input should be greater than or equal to 0",
    "ratoi=3": "ratoi is not a known key; allowed here: data_dir, models_dir, raw_dir, datasets",
    "generators.mae_base.size=3": "generators.mae_base.size is not a known key; allowed here: model, revision",
    "datasets=[moths]": "datasets: 'moths' is not known; allowed: fashion",
    "methods.mixup.pipeline=augment_baselines": "'mixup' is not known; allowed: cutout, gridmask, randaugment",
    "train.architectures=[vgg]": "'vgg' is not known; allowed: resnet10_small, resnet50",
    "train.recipes=quick": "train.recipes: 'quick' is not known; allowed: matched, soft, finetune, linear_probe, paper",
    "expand_dalle.criteria=fancy": "expand_dalle.criteria: 'fancy' is not known; allowed: paper, authors, corrected",
    "criteria_sets.paper.weights.beauty=1": "should be 'consistency', 'entropy' or 'diversity'",
}


def run(data: Path, *options: str, params: str = "") -> Result:
    """`kedro run` in this process, on an empty data folder."""
    return kedro_run("--env", "test", "--params", ",".join(filter(None, [f"data_dir={data}", params])), *options)


def assert_explained(done: Result, sentence: str) -> None:
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit), "an explained error, not a traceback"
    assert sentence in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith(("Error: ", " "))


@pytest.mark.parametrize(("parameter", "sentence"), MISTAKES.items())
def test_wrong_parameter_is_refused_before_any_work(parameter: str, sentence: str, tmp_path: Path) -> None:
    assert_explained(run(tmp_path, params=parameter), sentence)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("mlflow_database")
def test_unknown_pipeline_and_namespace_are_refused(tmp_path: Path) -> None:
    assert_explained(run(tmp_path, "--pipelines", "expand_gan"), "Failed to find the pipeline named 'expand_gan'")
    assert_explained(run(tmp_path, "--namespaces", "moths"), "namespaces: ['moths']")


def test_errors_are_explained_in_a_folder_of_any_name(tmp_path: Path) -> None:
    from guided_imagination.cli import explain

    (tmp_path / "my_runner").mkdir()
    source = tmp_path / "my_runner" / "refuses.py"
    source.write_text("raise ValueError('no such pipeline')")
    with pytest.raises(ValueError, match="no such") as caught:
        exec(compile(source.read_text(), str(source), "exec"))
    assert explain(caught.value) == "no such pipeline"


def test_faults_of_a_node_are_not_explained_away() -> None:
    from kedro.io import DataCatalog
    from kedro.pipeline import Node, Pipeline
    from kedro.runner import SequentialRunner

    from guided_imagination.cli import explain

    with pytest.raises(ValueError, match="invalid literal") as caught:
        SequentialRunner().run(Pipeline([Node(lambda: int("x"), None, "number")]), DataCatalog())
    assert explain(caught.value) is None


BROKEN = {
    "ratio=[1": "--params: expected ',' or ']', but got '<stream end>'",
    "ratio=${x": "--params: no viable alternative at input '${x'",
    "datasets.pets=1": "parameters: Cannot merge DictConfig with ListConfig",
}


@pytest.mark.parametrize(("params", "sentence"), BROKEN.items())
def test_broken_params_are_one_sentence(params: str, sentence: str) -> None:
    done = kedro_run("--params", params)
    assert_explained(done, f"Error: {sentence}")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("content", ["run: [1]", "[1]", "ratio: 5", "run:\n\tenv: test"])
def test_a_broken_file_of_options_is_one_sentence(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.yml").write_text(content)
    done = kedro_run("--config", str(tmp_path / "run.yml"))
    where = (
        f"{tmp_path}/run.yml, line 2: found character" if "\t" in content else "--config: needed: a file with `run:`"
    )
    assert_explained(done, f"Error: {where}")


def test_an_unknown_environment_is_told_the_known_ones() -> None:
    done = kedro_run("--env", "papr")
    known = ", ".join(sorted(path.name for path in (ROOT / "conf").iterdir() if path.is_dir()))
    assert_explained(done, f"no environment 'papr' in {ROOT / 'conf'}; there are {known}")


@pytest.mark.usefixtures("mlflow_database")
@pytest.mark.parametrize("place", ["08_reporting", "05_model_input/fashion"])
def test_an_output_that_cannot_be_written_is_named_before_any_work(place: str, tmp_path: Path) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("a file")
    assert_explained(run(tmp_path), f"{tmp_path / place} cannot be written to (Not a directory)")
    assert not list(tmp_path.rglob("*.json")), "nothing was made"


@pytest.mark.parametrize("runner", ["ThreadRunner", "ParallelRunner"])
def test_runners_that_change_or_lose_results_are_refused(runner: str, tmp_path: Path) -> None:
    done = run(tmp_path, "--runner", runner, "--pipelines", "ingest")
    assert_explained(done, f"--runner {runner} is not supported")
    assert "side by side" in done.stderr
    assert not list(tmp_path.glob("0*"))


@pytest.mark.usefixtures("mlflow_database")
def test_missing_inputs_are_named(tmp_path: Path) -> None:
    assert_explained(run(tmp_path, "--pipelines", "augment_baselines"), str(tmp_path / "03_primary/fashion/seeds"))


@pytest.mark.usefixtures("mlflow_database")
def test_missing_and_truncated_weights_are_named_before_any_work(tmp_path: Path) -> None:
    model, data = tmp_path / "model", tmp_path / "data"
    model.mkdir()
    assert_explained(run(data, params=f"generators.embedded_unclip.model={model}"), f"no weights in {model}")
    whole = (ROOT / "src/guided_imagination/embedded/fashion/clip/model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(whole[:-1000])
    done = run(data, params=f"generators.embedded_unclip.model={model}")
    assert_explained(done, f"{model}/model.safetensors is truncated")
    assert not list(data.glob("0*"))


@pytest.mark.usefixtures("mlflow_database")
@pytest.mark.parametrize("use", ["audit.guide", "train.guide"])
def test_a_guide_of_a_dataset_s_own_is_looked_for_before_any_work(use: str, tmp_path: Path) -> None:
    own = f"guides.mine.model={tmp_path},dataset_specs.fashion.overrides.{use}=mine"
    assert_explained(run(tmp_path / "data", params=own), f"no weights in {tmp_path}")
    assert not list((tmp_path / "data").glob("0*"))


@pytest.mark.usefixtures("mlflow_database")
def test_too_few_images_in_a_class_are_named(tmp_path: Path) -> None:
    done = run(tmp_path, "--pipelines", "ingest", params="dataset_specs.fashion.seeds_per_class=51")
    assert_explained(done, "class 'T-shirt' has 50 images, but 51 were requested")
    assert not (tmp_path / "03_primary").exists()


def test_the_shell_command_exits_with_an_error_and_no_traceback() -> None:
    command = [sys.executable, "-m", "kedro", "run", "--params", "ratio=0"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert "Error: parameters: ratio = 0" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_package_is_a_command_too() -> None:
    command = [sys.executable, "-m", "guided_imagination", "run", "--help"]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--pipelines" in done.stdout
