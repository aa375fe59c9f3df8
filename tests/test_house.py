"""The README's map, by which a contributor finds a room: it names all of them, and nothing that is gone."""

import re

import pytest

from helpers.project import ROOT

PACKAGE = ROOT / "src" / "guided_imagination"
NOT_ROOMS = {"__init__.py", "__pycache__", "py.typed"}
ROOMS = sorted(path.name + "/" * path.is_dir() for path in PACKAGE.iterdir() if path.name not in NOT_ROOMS)
MAP = (ROOT / "README.md").read_text().split("\n## Where things are\n")[1].split("\n## ")[0]
PATHS = sorted({span for span in re.findall(r"`([^`\n]+)`", MAP) if span.endswith("/") or "/" in span or ".py" in span})


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_at_the_top_is_on_the_map(room: str) -> None:
    assert room in PATHS


@pytest.mark.parametrize("path", PATHS)
def test_every_path_on_the_map_is_there(path: str) -> None:
    assert any(ROOT.glob(path)) or any(PACKAGE.rglob(path))
