"""A new project has the settings that ship, its own dataset, and runs; a wheel brings all that it needs."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from kedro.config import OmegaConfigLoader
from kedro.framework.startup import bootstrap_project
from PIL import Image

from guided_imagination.config import check
from guided_imagination.config.defaults import shipped_conf
from guided_imagination.config.project import new_project
from guided_imagination.settings import CONFIG_LOADER_ARGS
from guided_imagination.utils.errors import InputError
from helpers.disks import closed, files_of_at_most
from helpers.project import ROOT, assert_succeeded, kedro_run


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    new_project(tmp_path / "birds")
    return tmp_path / "birds"


def parameters(folder: Path, env: str | None = None) -> dict[str, object]:
    return OmegaConfigLoader(str(folder), env=env, **CONFIG_LOADER_ARGS)["parameters"]


def test_a_checkout_ships_its_own_conf() -> None:
    assert shipped_conf() == ROOT / "conf"


@pytest.mark.parametrize("env", [None, "paper", "efficiency"])
def test_parameters_are_those_that_ship_and_a_dataset(birds: Path, env: str | None) -> None:
    shipped, own = parameters(ROOT / "conf", env), parameters(birds / "conf", env)
    spec = own["dataset_specs"].pop("birds")
    assert spec["source"] == {"kind": "folder", "path": "data/01_raw/birds"}
    if env == "paper":
        assert own.pop("datasets") == ["birds"]
        own["datasets"] = shipped["datasets"]
    assert own == shipped
    check({**own, "dataset_specs": {**own["dataset_specs"], "birds": spec}, "datasets": ["birds"]})


def test_it_is_a_kedro_project_with_nothing_of_this_machine(birds: Path) -> None:
    metadata = bootstrap_project(birds)
    bootstrap_project(ROOT)
    assert (metadata.package_name, metadata.project_name) == ("guided_imagination", "birds")
    assert [path.name for path in (birds / "conf/local").iterdir()] == [".gitkeep"]
    assert {path.name for path in birds.iterdir()} == {
        *(".gitignore", ".telemetry", "README.md", "conf", "data", "notebooks", "pyproject.toml")
    }
    for path in (birds / "README.md", birds / "pyproject.toml"):
        assert "NAME" not in path.read_text()
    assert str(birds.parent) not in "".join(path.read_text() for path in birds.rglob("*.yml"))
    assert tomllib.loads((birds / "pyproject.toml").read_text())["tool"]["kedro"]["kedro_init_version"][0].isdigit()


def test_nothing_calls_home(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kedro_telemetry.plugin import _check_for_telemetry_consent

    for name in ("DO_NOT_TRACK", "KEDRO_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    assert _check_for_telemetry_consent(birds.parent) is None, "Kedro takes this for a yes"
    assert _check_for_telemetry_consent(birds) is False
    program = "import os, guided_imagination; print(os.environ['KEDRO_DISABLE_TELEMETRY'])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "true\n"


@pytest.mark.usefixtures("project")
def test_its_images_are_read(birds: Path, mlflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(mlflow_database, birds / "mlflow.db")
    for number in range(10):
        folder = birds / "data/01_raw/birds" / ("blue_jay" if number % 2 else "robin")
        folder.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30), (number, 0, 0)).save(folder / f"{number}.png")
    monkeypatch.chdir(birds)
    assert_succeeded(kedro_run("--env", "paper", "--pipelines", "ingest"))
    assert (birds / "data/03_primary/birds/manifest.json").exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("there", "there already exists: give a new name"),
        ("pets", "'pets' is a built-in name, as are fashion, "),
        ("report", "'report' is a built-in name"),
        ("my birds", "'my birds' cannot be the name of a dataset; allowed: letters, digits, _ and -"),
        ("-birds", "'-birds' cannot be the name"),
        ("2024", "'2024' cannot be the name of a dataset"),
        ("no", "'no' cannot be the name of a dataset"),
    ],
)
def test_what_cannot_be_is_refused(name: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from guided_imagination.cli import new

    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    done = CliRunner().invoke(new, ["--", name])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: {sentence}")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_the_name_may_be_a_path(tmp_path: Path) -> None:
    new_project(tmp_path / "work" / "birds")
    assert (tmp_path / "work/birds/data/01_raw/birds").is_dir()
    with pytest.raises(InputError, match="already exists"):
        new_project(tmp_path / "work" / "birds")


def test_outside_of_a_project_the_command_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "guided_imagination", "run"]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == f"Error: there is no project in {tmp_path}: go to one, or make one by guided-imagination new NAME\n"
    )
    assert done.stdout == ""


@pytest.mark.parametrize("size", [500, 5000], ids=["its first file", "one that is copied"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing(size: int, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "_USE_CP_SENDFILE", False)  # which asks for no limit of the process
    with files_of_at_most(size), pytest.raises(InputError, match=f"^{tmp_path} is out of space"):
        new_project(tmp_path / "birds")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with closed(tmp_path / "closed") as place:
        for folder in (place / "birds", place / "below" / "birds"):
            with pytest.raises(InputError, match=f"^{place}.* cannot be written to"):
                new_project(folder)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=rf"^{tmp_path}/file cannot be written to \(Not a directory\)"):
        new_project(tmp_path / "file" / "birds")
    with pytest.raises(InputError, match="File name too long"):
        new_project(tmp_path / ("n" * 300))
