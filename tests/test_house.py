"""The package's rooms: few enough to take in at once, and each on the README's map."""

import re

from helpers.project import ROOT

PACKAGE = ROOT / "src" / "guided_imagination"
NOT_ROOMS = {"__init__.py", "__pycache__", "py.typed"}
ROOMS = sorted(path.name + "/" * path.is_dir() for path in PACKAGE.iterdir() if path.name not in NOT_ROOMS)


def names_on_the_map() -> set[str]:
    """What the section "Where things are" names in a fenced tree or in code spans: the last part of each path."""
    section = (ROOT / "README.md").read_text().split("\n## Where things are\n")[1].split("\n## ")[0]
    fences = re.findall(r"```.*?\n(.*?)```", section, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", section, flags=re.DOTALL))
    paths = re.findall(r"[\w./-]+", "\n".join([*fences, *spans]))
    return {path.rstrip("/").split("/")[-1] + "/" * path.endswith("/") for path in paths}


def test_every_name_at_the_top_is_on_the_map() -> None:
    named = names_on_the_map()
    missing = [room for room in ROOMS if room not in named and room.removesuffix(".py") not in named]
    assert not missing, 'not in the README\'s "Where things are"'


def test_the_top_can_be_taken_in_at_once() -> None:
    assert 10 <= len(ROOMS) <= 20, ROOMS
