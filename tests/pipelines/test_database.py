"""MLflow's database moves with its project, is set up once, and says in a sentence why it cannot be used."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import mlflow
import mlflow.pytorch
import pytest
import torch
from mlflow.entities import Dataset, DatasetInput
from torch import nn

from guided_imagination.config.project import new_project
from guided_imagination.pipelines import tracking
from guided_imagination.pipelines.database import absolute, explained, setting_up
from guided_imagination.utils.errors import InputError

URI = "sqlite:///mlflow.db"


@pytest.fixture(autouse=True)
def _as_before():
    before = mlflow.get_tracking_uri()
    yield
    mlflow.set_tracking_uri(before)


def opened(root, monkeypatch, name="tests"):
    """A client of the project's store, opened as the hook does it."""
    monkeypatch.chdir(root)
    uri = absolute(URI, root)
    with setting_up(URI, name, root):
        client = mlflow.MlflowClient(uri)
        if client.get_experiment_by_name(name) is None:
            client.create_experiment(name)
    mlflow.set_tracking_uri(uri)
    return client


@pytest.fixture
def of_050(mlflow_template, tmp_path, monkeypatch):
    """A project of 0.5.0, with all the kinds of absolute locations that its database has."""
    root = tmp_path / "the old project"
    root.mkdir()
    shutil.copy(mlflow_template, root / "mlflow.db")
    with closing(sqlite3.connect(root / "mlflow.db")) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", [f"{root}/mlruns/0"])
    monkeypatch.chdir(root)
    mlflow.set_tracking_uri(absolute(URI, root))
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("tests")
    client.create_experiment("in the cloud", artifact_location="s3://bucket/mlruns/2")
    client.create_experiment("on another disk", artifact_location=f"{tmp_path}/disk/mlruns/3")
    run = client.create_run(experiment, tags={"folder": f"{root}/data/06_models/pets", "note": f"{root}/data"})
    source = json.dumps({"uri": f"{root}/data/03_primary/pets"})
    client.log_inputs(run.info.run_id, [DatasetInput(Dataset("seeds", "abc", "local", source))])
    client.log_text(run.info.run_id, "made at first", "words.txt")
    client.create_registered_model("pets")
    client.create_model_version("pets", f"{root}/mlruns/{experiment}/{run.info.run_id}/artifacts")
    assert run.info.artifact_uri.startswith(str(root))
    return root, run.info.run_id


def words(client, run_id):
    return Path(client.download_artifacts(run_id, "words.txt")).read_text()


@pytest.mark.parametrize("stays", [False, True], ids=["moved", "copied"])
def test_a_project_of_an_older_version_reads_and_writes_its_own_files(of_050, stays, tmp_path, monkeypatch):
    root, run_id = of_050
    new = tmp_path / "ümläut # 'new' \"one\""
    shutil.copytree(root, new)
    if not stays:
        shutil.rmtree(root)
    (new / f"mlruns/1/{run_id}/artifacts/words.txt").write_text("of the new place")
    client = opened(new, monkeypatch)
    assert words(client, run_id) == "of the new place"
    run = client.get_run(run_id)
    assert run.data.tags["folder"] == "data/06_models/pets"
    assert run.data.tags["note"] == f"{root}/data"
    assert json.loads(run.inputs.dataset_inputs[0].dataset.source) == {"uri": "data/03_primary/pets"}
    assert client.get_model_version_download_uri("pets", "1") == f"mlruns/1/{run_id}/artifacts"
    client.log_text(client.create_run("1").info.run_id, "made later", "words.txt")
    assert len(list(new.rglob("words.txt"))) == 2
    assert len(list(root.rglob("words.txt"))) == stays
    places = {
        name: client.get_experiment_by_name(name).artifact_location for name in ("in the cloud", "on another disk")
    }
    assert places == {"in the cloud": "s3://bucket/mlruns/2", "on another disk": f"{tmp_path}/disk/mlruns/3"}


def test_files_that_were_placed_elsewhere_stay_there(of_050, tmp_path, monkeypatch):
    """`mlruns` is a name that others give a folder too."""
    root, run_id = of_050
    new = tmp_path / "new"
    new.mkdir()
    shutil.copy(root / "mlflow.db", new)
    assert words(opened(new, monkeypatch), run_id) == "made at first"


class Even(nn.Module):
    """Two classes of equal probability for images (B, 3, 8, 8)."""

    def forward(self, pixels):
        return pixels.float().flatten(1)[:, :2] * 0 + 0.5


# the second in one test alone: a process can open one project with a % or ? in its path
@pytest.mark.parametrize("name", ["it's ümläut", "50%41 of a ha#sh?"])
def test_nothing_of_a_new_database_says_where_the_project_lies(name, mlflow_template, tmp_path, monkeypatch):
    root = tmp_path / name
    root.mkdir()
    client = opened(root, monkeypatch)
    run_id = client.create_run("1").info.run_id
    client.log_text(run_id, "here", "words.txt")
    assert (root / f"mlruns/1/{run_id}/artifacts/words.txt").read_text() == "here"
    pixels, sheet = torch.zeros(2, 3, 8, 8, dtype=torch.uint8), tracking.Sheet(["cat", "dog"], 8, "crop", "# A card")
    mlflow.set_experiment("tests")
    tracking.register("pets", Even(), pixels, run_id, {"key": "one"}, sheet)
    assert tracking.registered("pets")[0](pixels).tolist() == [[0.5, 0.5]] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    assert tmp_path.name.encode() not in (root / "mlflow.db").read_bytes()
    moved = root.rename(tmp_path / "moved")
    assert words(opened(moved, monkeypatch), run_id) == "here"
    assert tracking.registered("pets")[0](pixels).tolist() == [[0.5, 0.5]] * 2


def test_one_process_opens_two_projects(mlflow_template, tmp_path, monkeypatch):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        shutil.copy(mlflow_template, tmp_path / name)
    ids = {
        name: opened(tmp_path / name, monkeypatch, f"of {name}").create_run("1").info.run_id
        for name in ("one", "other")
    }
    for name, run_id in ids.items():
        (run,) = opened(tmp_path / name, monkeypatch, f"of {name}").search_runs(["1"])
        assert run.info.run_id == run_id


def test_a_database_elsewhere_is_left_as_it_is(of_050, tmp_path, monkeypatch):
    root, _ = of_050
    before = (root / "mlflow.db").read_bytes()
    here = tmp_path / "another project"
    here.mkdir()
    monkeypatch.chdir(here)
    with setting_up(f"sqlite:///{root}/mlflow.db", "tests", here):
        pass
    assert (root / "mlflow.db").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a text that somebody put here, longer than the head of a database: " * 3, "file is not a database"),
        (None, "unable to open database file"),
    ],
)
def test_what_is_no_database_is_refused_at_once(content, sentence, tmp_path):
    if content is None:
        (tmp_path / "mlflow.db").mkdir()
    else:
        (tmp_path / "mlflow.db").write_bytes(content)
    with (
        pytest.raises(InputError, match=rf"MLflow's database .*mlflow.db cannot be used \({sentence}"),
        setting_up(URI, "tests", tmp_path),
    ):
        raise AssertionError("MLflow would try for an hour")


def test_a_locked_database_is_said_to_be_locked(mlflow_database, tmp_path, monkeypatch):
    monkeypatch.setattr("guided_imagination.pipelines.database.PATIENCE", 0.1)
    with closing(sqlite3.connect(mlflow_database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="another program uses it"), setting_up(URI, "tests", tmp_path):
            pass


def test_an_error_in_the_middle_of_a_run_is_explained_by_its_cause():
    from guided_imagination.cli import explain

    try:
        try:
            raise sqlite3.OperationalError("database is locked")
        except sqlite3.OperationalError as error:
            raise RuntimeError("of a library") from error
    except RuntimeError as error:
        assert explain(error) == (
            "MLflow's database cannot be used (database is locked): another program uses it: wait for its end, or end "
            "it, and run again"
        )
    assert explained(RuntimeError("another")) is None


def test_a_database_of_another_version_is_refused_in_a_sentence(mlflow_database, tmp_path, monkeypatch):
    with closing(sqlite3.connect(mlflow_database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'another'")
    with pytest.raises(InputError, match=r"MLflow cannot use .*mlflow.db \(Detected out-of-date database schema"):
        opened(tmp_path, monkeypatch)


OPEN = """
import sys
from guided_imagination.hooks import ProjectHooks
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from pathlib import Path
bootstrap_project(Path.cwd())
import kedro_mlflow.framework.hooks.mlflow_hook
print("ready", flush=True)
sys.stdin.readline()
with KedroSession.create() as session:
    session.load_context()
"""


def test_two_processes_open_a_new_project_at_once(tmp_path):
    """They made the database at the same time, and one died at what the other had made."""
    new_project(tmp_path / "birds")
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    command = [sys.executable, "-c", OPEN]
    both = [subprocess.Popen(command, cwd=tmp_path / "birds", text=True, **streams) for _ in range(2)]
    for process in both:
        while process.stdout.readline() != "ready\n":
            assert process.poll() is None
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    with closing(sqlite3.connect(tmp_path / "birds/mlflow.db")) as database:
        places = database.execute("SELECT name, artifact_location FROM experiments").fetchall()
    assert places == [("Default", "mlruns/0"), ("guided_imagination", "mlruns/1")]
