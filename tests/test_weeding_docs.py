"""The code in docs/weeding.md that needs no other tool: from an export to a list that the project takes."""

import ast
import json
import re
from typing import Any

import pytest

from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.export import splits, write_image_folder
from guided_imagination.expansion.store import Expansion
from guided_imagination.expansion.weeding import WeedList, read_list, weeded
from helpers.project import ROOT
from helpers.toy import NAMES, ToyAugmenter, dataset, plan

TEXT = (ROOT / "docs/weeding.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SEEDS = dataset([0, 1, 0, 1], NAMES)


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """What the blocks define that do not need FiftyOne."""
    names: dict[str, Any] = {}
    for block in BLOCKS:
        if "fiftyone" not in block:
            exec(block, names)
    return names


@pytest.fixture
def exported(tmp_path):
    """An expansion of four seeds by two, and the split `train` of its export."""
    expand(tmp_path / "made", plan(ToyAugmenter(), seeds=SEEDS))
    made = Expansion(tmp_path / "made")
    write_image_folder(tmp_path / "out", splits(SEEDS, made, None), NAMES)
    return made, tmp_path / "out" / "train"


def test_every_block_is_python_and_the_list_that_is_shown_is_one():
    assert len(BLOCKS) == 3
    for block in BLOCKS:
        ast.parse(block)
    (shown,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert WeedList.model_validate_json(shown).of("gif_dalle") == {("train-00052", 1)}


def test_files_of_an_export_become_a_list(documented, exported, tmp_path):
    """A seed among them is no new image, and stays."""
    made, folder = exported
    path = str(tmp_path / "weed.json")
    assert documented["write_weeds"](folder, "toys", ["cat/0.png", "cat/0~toy~1.png", "dog/3~toy~0.png"], path) == 2
    assert read_list(path, "toys").of("toy") == {("0", 1), ("3", 0)}
    assert weeded(made, [path], "toys", 0, "toy").count == 6


def test_verdicts_of_label_studio_become_a_list(documented, exported, tmp_path):
    made, folder = exported
    documented["write_tasks"](folder, tmp_path / "tasks.json")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert len(tasks) == 8
    assert tasks[0]["data"]["class"] in NAMES
    for number, task in enumerate(tasks):  # as Label Studio's export has them; one task was never looked at
        choice = {"type": "choices", "from_name": "verdict", "value": {"choices": ["weed" if number < 3 else "keep"]}}
        task["annotations"] = [{"result": [choice]}] if number else []
    (tmp_path / "project.json").write_text(json.dumps(tasks))
    bad = documented["weeded_tasks"](tmp_path / "project.json")
    assert bad == [task["data"]["file_name"] for task in tasks[1:3]]
    path = str(tmp_path / "weed.json")
    assert documented["write_weeds"](folder, "toys", bad, path) == 2
    assert weeded(made, [path], "toys", 0, "toy").count == 6
