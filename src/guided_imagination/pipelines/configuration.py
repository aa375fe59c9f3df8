"""Kedro's reading of `conf/`, where a mistake in a file ends in one sentence that names the file and the line."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import GrammarParseError, OmegaConfBaseException

from guided_imagination.utils.errors import InputError, first_line

ENDINGS = (".yml", ".yaml", ".json")


class ConfigLoader(OmegaConfigLoader):
    """Raises InputError for an environment that is not there, and for files that cannot be read."""

    def __getitem__(self, key: str) -> dict[str, Any]:
        try:
            return super().__getitem__(key)
        except MissingConfigException:
            self._check_environments()
            raise
        except (yaml.YAMLError, OmegaConfBaseException, AttributeError, OSError, TypeError, ValueError) as error:
            sentence = next(self._broken(), None) or self._unresolved(key, error)
            if sentence is None:
                raise
            raise InputError(sentence) from error

    @property
    def _folders(self) -> list[Path]:
        """Of the environments in use, the later over the earlier."""
        names = (self.base_env, self.env or self.default_run_env)
        return [Path(self.conf_source) / name for name in names if self._protocol == "file"]

    def _check_environments(self) -> None:
        conf = Path(self.conf_source)
        for folder in self._folders:
            if conf.is_dir() and not folder.is_dir():
                there = sorted(path.name for path in conf.iterdir() if path.is_dir() and path.name[0] != ".")
                known = f"there are {', '.join(there)}" if there else "it has no folder"
                raise InputError(f"no environment {os.path.relpath(folder, conf)!r} in {conf}; {known}")

    def _files(self) -> Iterator[Path]:
        for folder in self._folders:
            yield from sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS and path.is_file())

    def _broken(self) -> Iterator[str]:
        """What is wrong with files that hold no keys with values."""
        for file in self._files():
            try:
                if not isinstance(OmegaConf.load(io.StringIO(_text(file))), DictConfig):
                    raise OSError  # as OmegaConf does for numbers
            except OSError:
                yield f"{_short(file)} cannot be used; needed: keys with values, such as ratio: 5"
            except (yaml.YAMLError, UnicodeError, OmegaConfBaseException) as error:
                yield unreadable(_short(file), error)

    def _unresolved(self, key: str, error: Exception) -> str | None:
        """What cannot be filled in or merged, and where it stands, as far as that is known."""
        if not isinstance(error, OmegaConfBaseException | TypeError):
            return None
        place = str(getattr(error, "full_key", None) or "")
        lines = ((_short(file), _line(yaml.compose(_text(file)), place)) for file in self._files())
        where = next((f"{file}, line {line}" for file, line in lines if line), key)
        return f"{where}: {place + ': ' if place else ''}{first_line(error)}"


def unreadable(place: object, error: Exception) -> str:
    """The sentence for an option, or a file by its path, that is no YAML."""
    line, what = 0, first_line(error)
    if isinstance(error, UnicodeDecodeError):
        line, what = error.object[: error.start].count(b"\n") + 1, "it is not encoded in UTF-8"
    elif isinstance(error, yaml.reader.ReaderError):
        line = _text(place)[: error.position].count("\n") + 1 if isinstance(place, Path) else 0
        what = f"it has a character that YAML does not allow ({error.character:#04x})"
    elif isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line, what = error.problem_mark.line + 1, str(error.problem)
    elif isinstance(error, GrammarParseError) and isinstance(place, Path):
        line = next((number for number, text in enumerate(_text(place).splitlines(), 1) if _is_no_grammar(text)), 0)
    return f"{place}, line {line}: {what}" if line and isinstance(place, Path) else f"{place}: {what}"


def _line(node: Any, place: str) -> int | None:
    """The line of the value of a key, such as train.seeds, below a node of YAML."""
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if place == key.value or place.startswith(f"{key.value}["):
            return int(value.start_mark.line) + 1
        if place.startswith(f"{key.value}.") and (line := _line(value, place.removeprefix(f"{key.value}."))):
            return line
    return None


def _is_no_grammar(line: str) -> bool:
    try:
        OmegaConf.create([line])
    except GrammarParseError:
        return True
    return False


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8")


def _short(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
