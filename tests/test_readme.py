"""The commands in README and docs name pipelines, namespaces, parameters and make targets that exist."""

import re
import shlex

import pytest
import yaml
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from guided_imagination.config import check
from guided_imagination.settings import CONFIG_LOADER_ARGS
from helpers.project import ROOT

pytestmark = pytest.mark.usefixtures("project")
README = (ROOT / "README.md").read_text()
PAGES = {page.name: page.read_text() for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]}
FOUND = {run for page in PAGES.values() for run in re.findall(r"^(kedro run [^#\n]*)", page, re.MULTILINE)}
FOUND |= {f"kedro run --config {path.relative_to(ROOT)}" for path in (ROOT / "benchmarks").glob("*.yml")}
RUNS = sorted(run for run in FOUND if "$" not in run)  # what a shell fills in cannot be tried
YAML = re.findall(r"```yaml\n(.*?)```", PAGES["own_images.md"], re.DOTALL)
OWN_DATASET = next(block for block in YAML if "kind: folder" in block)


def options(command: str) -> dict[str, str]:
    words = shlex.split(command)[2:]
    return dict(zip(words[::2], words[1::2], strict=True))


def test_there_are_commands_to_check() -> None:
    assert len(RUNS) >= 5


@pytest.mark.parametrize("command", RUNS)
def test_kedro_command_can_be_run(command: str) -> None:
    from guided_imagination import pipeline_registry

    given = options(command)
    assert set(given) <= {"--pipelines", "--namespaces", "--params", "--env", "--config"}
    own = {"dataset_specs": yaml.safe_load(OWN_DATASET)}
    given_parameters = OmegaConf.from_dotlist(given.get("--params", "ratio=5").split(","))
    file = yaml.safe_load((ROOT / given["--config"]).read_text())["run"]["params"] if "--config" in given else {}
    changes = OmegaConf.to_container(OmegaConf.merge(own, file, given_parameters))
    loader = OmegaConfigLoader(str(ROOT / "conf"), env=given.get("--env"), runtime_params=changes, **CONFIG_LOADER_ARGS)
    pipeline_registry.build_for(check(loader["parameters"]))
    pipelines = pipeline_registry.register_pipelines()
    pipeline = pipelines[given.get("--pipelines", "__default__")]
    if "--namespaces" in given:
        pipeline = pipeline.only_nodes_with_namespaces(given["--namespaces"].split(","))
    assert pipeline.nodes


def test_the_array_of_a_cluster_has_every_row_of_the_paper() -> None:
    page = PAGES["scaling.md"]
    (rows,) = re.findall(r"rows=\(([^)]*)\)", page)
    paper = check(OmegaConfigLoader(str(ROOT / "conf"), env="paper", **CONFIG_LOADER_ARGS)["parameters"])
    assert sorted(rows.split()) == sorted(paper.methods)
    assert f"--array=0-{len(paper.methods) - 1} " in page


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {a or b for a, b in re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)`", README, re.MULTILINE)}
    assert {"run", "test", "viz", "mlflow"} <= named <= targets


def test_files_named_exist() -> None:
    links = re.findall(r"\]\(((?!http)[^)]+)\)|src=\"([^\"]+)\"", README)
    assert links
    for link in (a or b for a, b in links):
        assert (ROOT / link).exists(), link
