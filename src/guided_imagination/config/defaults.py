"""The defaults of conf/base for those who have no Kedro: the same files, which a wheel carries inside the package."""

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(str(files("guided_imagination")))
TEMPLATES = PACKAGE / "embedded" / "project"  # of a new project
REFERENCE = re.compile(r"\$\{([^${}]*)\}")  # an innermost ${...}


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
    """The parameters of conf/base as `kedro run` without options has them: plain values, not yet checked.

    Not by OmegaConf, whose resolvers are the process's: Kedro has its own under these names.
    """
    tree: dict[str, Any] = {}
    for file in sorted((shipped_conf() / "base").glob("parameters*.yml")):
        tree |= _load(file)
    shared = _load(shipped_conf() / "base" / "globals.yml")
    resolvers: dict[str, Callable[[str], str]] = {
        "embedded": embedded,
        "globals": lambda name: str(shared[name]),
        "runtime_params": lambda words: words.split(",", 1)[1].strip(),  # name, default: there are none at run time
    }

    def look_up(found: re.Match[str]) -> str:
        kind, colon, words = found[1].partition(":")
        return resolvers[kind](words) if colon else str(tree[kind])

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolved(child) for key, child in value.items()}
        if isinstance(value, list):
            return [resolved(child) for child in value]
        while isinstance(value, str) and REFERENCE.search(value):
            value = REFERENCE.sub(look_up, value)
        return value

    return {key: resolved(value) for key, value in tree.items()}


@cache  # its content is never changed: what is handed out are copies
def _load(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content
