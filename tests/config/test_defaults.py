"""The defaults of conf/base without Kedro are those that Kedro reads, and leave a session's resolvers alone."""

from pathlib import Path

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from guided_imagination.config.defaults import _resolved, defaults, embedded
from guided_imagination.settings import CONFIG_LOADER_ARGS
from helpers.project import ROOT


def loader(**changes):
    return OmegaConfigLoader(str(ROOT / "conf"), **{**CONFIG_LOADER_ARGS, "default_run_env": "base"}, **changes)


def test_they_are_what_kedro_reads():
    _resolved.cache_clear()
    assert defaults() == loader()["parameters"]
    assert defaults()["models_dir"] == "data/06_models"
    assert Path(defaults()["guides"]["embedded_clip"]["model"]) == Path(embedded("fashion/clip"))


def test_a_session_that_is_resolving_keeps_its_resolvers(tmp_path):
    """As `${pretrain:output}` in the catalog asks for the defaults while Kedro resolves."""

    def ask(_):
        _resolved.cache_clear()
        return defaults()["models_dir"]

    (tmp_path / "base").mkdir()
    (tmp_path / "base/globals.yml").write_text("data: own")
    lines = ["first: ${asking:a}", "given: ${runtime_params:data_dir, b}", "shared: ${globals:data}"]
    (tmp_path / "base/parameters.yml").write_text("\n".join([*lines, "last: ${asking:c} ${globals:data}"]))
    own = {"base_env": "base", "default_run_env": "base", "custom_resolvers": {"asking": ask}}
    session = OmegaConfigLoader(str(tmp_path), runtime_params={"data_dir": "elsewhere"}, **own)
    found = session["parameters"]
    OmegaConf.clear_resolver("asking")
    assert (found["first"], found["given"], found["shared"]) == ("data/06_models", "elsewhere", "own")
    assert found["last"] == "data/06_models own"


def test_what_a_caller_changes_is_no_one_elses():
    defaults()["train"]["recipes"].append("soft")
    assert defaults()["train"]["recipes"] == ["matched"]
