"""A project works alike wherever it lies, and from wherever it is opened."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
from kedro.framework.session import KedroSession
from kedro_mlflow.framework.hooks.mlflow_hook import mlflow_hook
from PIL import Image

from guided_imagination.config.project import new_project
from helpers.project import assert_succeeded, kedro_run

SMALL = """
compute: {workers: {count: 1}}
dataset_specs: {fashion: {seeds_per_class: 1, validation_per_class: 1}}
train:
  {architectures: [tiny], seeds: 1, evaluate_on: validation, log_points: 1}
recipes: {matched: {passes: null, updates: 2, batch_size: 8}}
architectures: {tiny: {model: resnet10t, arguments: {channels: [8, 8, 8, 8]}}}
report: {compare: []}
"""
TRAIN = ("--env", "small", "--pipelines", "ingest,train")


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def rows(root: Path, table: str) -> int:
    with closing(sqlite3.connect(root / "mlflow.db")) as database:
        return int(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def predicted(photo: str) -> str:
    done = kedro_run("--env", "small", photo, command="predict")
    assert_succeeded(done)
    return done.stdout.splitlines()[-1].partition(": ")[2]


@pytest.fixture(scope="module")
def trained(bootstrapped: None, mlflow_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a classifier of one row, which was trained from its folder `notebooks`."""
    root = tmp_path_factory.mktemp("projects") / "birds"
    new_project(root)
    (root / "conf/small").mkdir()
    (root / "conf/small/parameters.yml").write_text(SMALL)
    base = root / "conf/base/parameters.yml"
    lines = base.read_text().splitlines()
    base.write_text("\n".join(line for line in lines if not line.startswith("  ") or "{pipeline:" not in line))
    shutil.copy(mlflow_template, root / "mlflow.db")
    before = files(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root / "notebooks")
        inside = files(root / "notebooks")
        assert_succeeded(kedro_run(*TRAIN))
    assert files(root) - {".viz"} == before | {"mlruns"}
    assert files(root / "notebooks") == inside
    return root


@pytest.fixture
def birds(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "birds"))


def test_images_are_looked_for_where_their_names_were_typed(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (32, 32), 200).save(birds / "notebooks/photo.png")
    monkeypatch.chdir(birds / "notebooks")
    assert predicted("photo.png").count(",") == 2
    monkeypatch.chdir(birds / "notebooks")
    assert predicted("../notebooks/photo.png").count(",") == 2


@pytest.mark.parametrize("stays", [False, True], ids=["moved", "copied"])
def test_a_moved_or_copied_project_goes_on_by_itself(
    stays: bool, birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "photo.png"
    Image.linear_gradient("L").resize((32, 32)).save(photo)
    monkeypatch.chdir(birds)
    before = predicted(str(photo))
    new = tmp_path / "a new place"
    shutil.copytree(birds, new)
    if not stays:
        shutil.rmtree(birds)
    monkeypatch.chdir(new)
    assert predicted(str(photo)) == before
    runs, versions = rows(new, "runs"), rows(new, "model_versions")
    assert_succeeded(kedro_run(*TRAIN, "--params", "train.seeds=2"))
    assert rows(new, "runs") == runs + 2, "that of the command, and of the new training alone"
    assert rows(new, "model_versions") - versions == len(list(new.rglob("MLmodel"))) - 1
    assert birds.exists() == stays
    if stays:
        assert (rows(birds, "runs"), len(list(birds.rglob("MLmodel")))) == (runs, 1)


def test_a_session_from_elsewhere_works_in_the_project(
    birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    shutil.rmtree(birds / "data/03_primary")
    before = mlflow.get_tracking_uri()
    try:
        with KedroSession.create(project_path=birds, env="small") as session:
            session.run(pipeline_names=["ingest"])
    finally:
        while mlflow.active_run():
            mlflow.end_run()
        mlflow_hook.run_id = None
        mlflow.set_tracking_uri(before)
    assert (birds / "data/03_primary/fashion/manifest.json").exists()
    assert files(elsewhere) == set()
