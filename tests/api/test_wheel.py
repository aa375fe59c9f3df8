"""A wheel has all that the API needs: it is built, unpacked, and used from an empty folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpers.project import ROOT

BUILT_OF = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "src", "conf", "notebooks")
LINES = """
import guided_imagination
seeds, _ = guided_imagination.example(seeds_per_class=1)
expansion = guided_imagination.expand(seeds, ratio=1, method="randaugment")
print(guided_imagination.__file__, len(expansion))
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project is built, so that nothing is left in this one."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_OF:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('dist'))"
    subprocess.run([sys.executable, "-c", build], cwd=folder, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.parametrize("name", ["conf", "notebooks"])
def test_it_carries_settings_and_notebooks_as_they_are(unpacked: Path, name: str) -> None:
    place = "guided_imagination/embedded/project"
    carried = files_in(unpacked / place / name)
    assert carried == {file: content for file, content in files_in(ROOT / name).items() if "local" not in file.parts}
    assert len(carried) > 3
    assert not (ROOT / "src" / place / name).exists(), "in the project there is one place for them"


def files_in(folder: Path) -> dict[Path, bytes]:
    """By their place below `folder`; hidden ones are of this machine."""
    found = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return {file: (folder / file).read_bytes() for file in found if not any(part[0] == "." for part in file.parts)}


def test_it_stays_small(unpacked: Path) -> None:
    (wheel,) = (unpacked.parent / "dist").glob("*.whl")
    assert wheel.stat().st_size < 45e6
    for domain in ("fashion", "blood"):
        embedded = unpacked / "guided_imagination/embedded" / domain
        assert sum(file.stat().st_size for file in embedded.rglob("*")) < 22e6


def test_it_has_the_command(unpacked: Path) -> None:
    (points,) = unpacked.glob("*.dist-info/entry_points.txt")
    assert "guided-imagination = guided_imagination.__main__:main" in points.read_text()


def test_the_api_works_from_an_empty_folder(unpacked: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, "-c", LINES], cwd=tmp_path, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    place, count = done.stdout.split()
    assert Path(place).is_relative_to(unpacked)
    assert count == "10"
    assert not list(tmp_path.iterdir())
