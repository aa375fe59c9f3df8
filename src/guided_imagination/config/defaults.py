"""The defaults of conf/base for those who have no Kedro: the same files, which a wheel carries inside the package."""

from copy import deepcopy
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import yaml

PACKAGE = Path(str(files("guided_imagination")))
TEMPLATES = PACKAGE / "embedded" / "project"  # of a new project


def embedded(path: str = "") -> str:
    """Where a model or file lies that ships in the package: `${embedded:fashion/clip}` in YAML."""
    return str(PACKAGE / "embedded" / path)


def shipped(name: str) -> Path:
    """The folder conf or notebooks that ships: in the package of a wheel (setup.py copies it), else this project's."""
    packed = TEMPLATES / name
    return packed if packed.is_dir() else PACKAGE.parents[1] / name


def shipped_conf() -> Path:
    """The folder of all settings that ship, by environment."""
    return shipped("conf")


def defaults() -> dict[str, Any]:
    """The parameters of conf/base as `kedro run` without options has them: plain values, not yet checked."""
    return deepcopy(_resolved())  # callers may change theirs


@cache
def _resolved() -> dict[str, Any]:
    from omegaconf import OmegaConf  # 0.2 s that workers need not wait

    base = shipped_conf() / "base"
    tree = {"globals": yaml.safe_load((base / "globals.yml").read_text(encoding="utf-8"))}
    for file in sorted(base.glob("parameters*.yml")):
        # Resolvers are global to the process, and a Kedro session has its own by these names. So globals are a branch
        # of the tree here, and a parameter of run time, which nobody gives, is looked up there and has its default.
        text = file.read_text(encoding="utf-8").replace("${globals:", "${globals.")
        tree |= yaml.safe_load(text.replace("${runtime_params:", "${oc.select:"))
    OmegaConf.register_new_resolver("embedded", embedded, replace=True)  # the same as Kedro has (settings.py)
    plain = cast(dict[str, Any], OmegaConf.to_container(OmegaConf.create(tree), resolve=True))
    return {key: value for key, value in plain.items() if key != "globals"}
