"""A mistake in a file of `conf/` is one sentence that names the file and the line."""

from pathlib import Path

import pytest

from guided_imagination.pipelines.configuration import ConfigLoader
from guided_imagination.settings import CONFIG_LOADER_ARGS
from guided_imagination.utils.errors import InputError

GOOD = "ratio: 5\ntrain:\n  seeds: 3\n"
BROKEN = {
    b"ratio: 5\n\tseeds: 3\n": r"file.yml, line 2: found character '\\t' that cannot start any token",
    b"ratio: 5\ntrain: 3\nratio: 6\n": "file.yml, line 3: found duplicate key ratio",
    b"train:\n  seeds: 3\n  seeds: 3\n": "file.yml, line 3: found duplicate key seeds",
    b"ratio: [5\n": "file.yml, line 2: expected ',' or ']', but got '<stream end>'",
    b"ratio: *other\n": "file.yml, line 1: found undefined alias 'other'",
    b"ratio: 5\nname: n\xe4me\n": "file.yml, line 2: it is not encoded in UTF-8",
    b"ratio: 5\nname: \x01\n": "file.yml, line 2: it has a character that YAML does not allow (0x01)",
    b"ratio: 5\nname: ${nope\n": "file.yml, line 2: no viable alternative at input '${nope'",
    b"- ratio\n": "file.yml cannot be used; needed: keys with values, such as ratio: 5",
    b"5\n": "file.yml cannot be used; needed: keys with values, such as ratio: 5",
}
UNRESOLVED = {
    "ratio: 5\ntrain:\n  seeds: ${nope}\n": "file.yml, line 3: train.seeds: Interpolation key 'nope' not found",
    "ratio: 5\na.b: {c: [1, '${nope:1}']}\n": "file.yml, line 2: a.b.c[1]: Unsupported interpolation type nope",
}


def refusal(conf: Path, key: str = "parameters", env: str | None = None, **params: object) -> str:
    with pytest.raises(InputError) as caught:
        ConfigLoader(str(conf), env=env, runtime_params=params, **CONFIG_LOADER_ARGS)[key]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("base", "local", "paper"):
        (tmp_path / "conf" / name).mkdir(parents=True)
    (tmp_path / "conf/base/parameters.yml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "conf"


@pytest.mark.parametrize("place", ["base/parameters_file.yml", "paper/parameters_file.yml", "base/catalog_file.yml"])
@pytest.mark.parametrize(("content", "sentence"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_file_that_is_no_yaml_is_named_with_the_line(conf: Path, place: str, content: bytes, sentence: str) -> None:
    (conf / place).write_bytes(content)
    said = refusal(conf, "catalog" if "catalog" in place else "parameters", env="paper")
    assert said == f"conf/{place}{sentence.removeprefix('file.yml')}".replace("\\\\", "\\")


def test_globals_and_settings_of_plugins_are_files_like_others(conf: Path) -> None:
    (conf / "base/globals.yml").write_text("data: 1\ndata: 2\n")
    assert refusal(conf) == "conf/base/globals.yml, line 2: found duplicate key data"
    (conf / "base/globals.yml").unlink()
    (conf / "base/mlflow.yml").write_text("server: }\n")
    loader = ConfigLoader(str(conf), **CONFIG_LOADER_ARGS)
    loader.config_patterns["mlflow"] = ["mlflow*"]
    with pytest.raises(InputError, match=r"^conf/base/mlflow.yml, line 1: expected the node content"):
        loader["mlflow"]


@pytest.mark.parametrize(("content", "sentence"), UNRESOLVED.items(), ids=["key", "resolver"])
def test_what_cannot_be_filled_in_is_named_with_the_line_of_its_key(conf: Path, content: str, sentence: str) -> None:
    (conf / "base/parameters.yml").write_text(content)
    assert refusal(conf) == f"conf/base/parameters.yml{sentence.removeprefix('file.yml')}"


def test_parameters_of_the_command_that_do_not_fit_are_one_sentence(conf: Path) -> None:
    (conf / "base/parameters.yml").write_text("datasets: [pets]\n")
    assert refusal(conf, datasets={"pets": 1}) == "parameters: Cannot merge DictConfig with ListConfig"


@pytest.mark.parametrize("env", ["papr", "../nowhere"])
def test_an_unknown_environment_is_told_the_known_ones(conf: Path, env: str) -> None:
    said = refusal(conf, env=env)
    assert said.startswith(f"no environment {env!r} in {conf}")
    assert said.endswith("; there are base, local, paper")


def test_what_is_right_is_read(conf: Path) -> None:
    (conf / "paper/parameters.yml").write_text("ratio: ${train.seeds}\ntrain: {seeds: 4}\n")
    loader = ConfigLoader(str(conf), env="paper", **CONFIG_LOADER_ARGS)
    assert loader["parameters"] == {"ratio": 4, "train": {"seeds": 4}}
