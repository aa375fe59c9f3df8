"""A new project folder, made of the settings that ship."""

import re
import shutil
from importlib.metadata import version
from pathlib import Path

import yaml

from guided_imagination.config.defaults import TEMPLATES, shipped, shipped_conf
from guided_imagination.config.parameters import RESERVED_DATASETS
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.files import explaining_full_disk, replacing_folder

SPECS = "dataset_specs:\n"
OWN = """\
  # Your own images, a folder per class.
  {name}:
    source: {{kind: folder, path: "${{raw_dir}}/{name}"}}
    templates: ["a photo of a {{}}."]
    validation_per_class: 2   # to choose the classifier by that `guided-imagination predict` uses

"""


def new_project(folder: Path) -> None:
    """Write a project for the dataset that `folder` is named for: its settings are copies, its code is this package.

    `folder` appears whole. Raises InputError if it exists, or if its name cannot be a dataset's.
    """
    name = folder.name
    with explaining_full_disk(folder.parent):
        there = folder.exists()
    if there:
        raise InputError(f"{folder} already exists: give a new name, or remove that folder")
    specs = (shipped_conf() / "base" / "parameters_datasets.yml").read_text()
    # YAML reads 2024 as a number, and no as false
    if not re.fullmatch(r"\w[\w-]*", name) or yaml.safe_load(name) != name:
        raise InputError(f"{name!r} cannot be the name of a dataset; allowed: letters, digits, _ and -, and no number")
    if name in (taken := [*yaml.safe_load(specs)["dataset_specs"], *RESERVED_DATASETS]):
        raise InputError(f"{name!r} is a built-in name, as are {', '.join(taken)}: choose another")
    with replacing_folder(folder.absolute()) as project:
        _copy_templates(project, name)
        shutil.copytree(shipped_conf(), project / "conf", ignore=shutil.ignore_patterns("local", "test"))
        shutil.copytree(shipped("notebooks"), project / "notebooks", ignore=shutil.ignore_patterns(".*"))
        for empty in (project / "conf" / "local", project / "data" / "01_raw" / name):
            empty.mkdir(parents=True)
            (empty / ".gitkeep").touch()
        base, paper = project / "conf/base/parameters_datasets.yml", project / "conf/paper/parameters.yml"
        base.write_text(specs.replace(SPECS, SPECS + OWN.format(name=name), 1))
        every = re.sub(r"(?m)^datasets: \[(.*)\]$", rf"datasets: [{name}]   # the paper's: \1", paper.read_text())
        paper.write_text(every)


def _copy_templates(project: Path, name: str) -> None:
    for source, target in {
        "README.md": "README.md",
        "pyproject.toml": "pyproject.toml",
        "gitignore": ".gitignore",
        "telemetry": ".telemetry",  # nothing calls home
    }.items():
        text = (TEMPLATES / source).read_text()
        (project / target).write_text(text.replace("NAME", name).replace("KEDRO", version("kedro")))
