"""The pipelines as a graph: namespaces, and no dataset that exists in memory by accident."""

import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline

from guided_imagination.config import check
from guided_imagination.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[2]
MAIN = ["ingest", "adapt", "expand_mae", "expand_dalle", "expand_sd", "augment_baselines", "train", "audit", "report"]

# what workers are at, and will be; pre-training's images, which the source has
PASSED_ON = (".begun", ".training", ".shares")


@pytest.fixture(scope="module")
def config() -> OmegaConfigLoader:
    bootstrap_project(ROOT)
    return OmegaConfigLoader(str(ROOT / "conf"), **CONFIG_LOADER_ARGS)


@pytest.fixture(scope="module")
def pipelines(config: OmegaConfigLoader) -> dict[str, Pipeline]:
    from guided_imagination import pipeline_registry

    pipeline_registry.build_for(check(config["parameters"]))
    with pytest.MonkeyPatch.context() as patch:  # another test of this process may have begun Kedro-Viz
        patch.delitem(sys.modules, "kedro_viz.integrations.kedro.data_loader", raising=False)
        return pipeline_registry.register_pipelines()


def test_default_run_is_the_main_job(pipelines: dict[str, Pipeline]) -> None:
    nodes = {node.name for name in MAIN for node in pipelines[name].nodes}
    assert {node.name for node in pipelines["__default__"].nodes} == nodes
    # one ingest, seven expansions, eight trainings of two nodes, zero-shot, registration, seven contact sheets,
    # eight audits and their table, one node of the report per dataset, three over all
    assert len(nodes) == 1 + 7 + 2 * 8 + 2 + 1 + 7 + 8 + 1 + 1 + 3
    assert set(pipelines) == {*MAIN, "tune", "verify", "plan", "export", "split", "pretrain", "__default__"}


def test_at_first_look_there_are_few_boxes(pipelines: dict[str, Pipeline]) -> None:
    """Kedro-Viz folds namespaces, and shows beside them what passes between them or comes out of none."""
    main = pipelines["__default__"]
    assert {str(node.namespace).split(".")[0] for node in main.nodes} == {"fashion", "report"}
    tables = {"fashion.accuracy_table", "fashion.audit_markdown"}
    assert main.outputs() == {*tables, "fashion.best", "fashion.split", "report.page"}


def test_the_search_runs_with_the_main_job_only_if_training_uses_it(config: OmegaConfigLoader) -> None:
    from guided_imagination import pipeline_registry

    parameters = config["parameters"]
    for tuned in (False, True):
        pipeline_registry.build_for(check({**parameters, "train": {**parameters["train"], "tuned": tuned}}))
        default = pipeline_registry.register_pipelines()["__default__"]
        assert ("fashion.tune" in {node.name for node in default.nodes}) == tuned
        assert ("fashion.tuned" in default.datasets()) == tuned


def test_files_of_pre_training_are_those_of_the_parameters_wherever_they_were_set(config: OmegaConfigLoader) -> None:
    """In conf/local as by --params: nodes that check one folder must not write to another."""
    from guided_imagination import pipeline_registry

    parameters = config["parameters"]
    own = {**parameters["pretrain"], "domain": "bloodmnist", "output": "mine"}
    pipeline_registry.build_for(check({**parameters, "pretrain": own}))
    catalog = OmegaConfigLoader(str(ROOT / "conf"), **CONFIG_LOADER_ARGS)["catalog"]
    assert catalog["pretrain.split"]["filepath"] == "mine/bloodmnist/split.json"
    assert catalog["pretrain.{name}_sheet"]["filepath"] == "mine/unclip_{name}_bloodmnist.png"
    assert catalog["pretrain.{part}_raw"]["path"] == "data/01_raw/bloodmnist_{part}.parquet"


def test_each_row_has_its_namespace(pipelines: dict[str, Pipeline]) -> None:
    row = pipelines["__default__"].only_nodes_with_namespaces(["fashion.gif_dalle"])
    assert {node.name for node in row.nodes} == {
        "fashion.gif_dalle.expand",
        "fashion.gif_dalle.begin",
        "fashion.gif_dalle.train",
        "fashion.gif_dalle.audit",
        "fashion.gif_dalle.contact_sheet",
    }


def test_nodes_of_the_report_get_every_input_by_name(pipelines: dict[str, Pipeline]) -> None:
    assert all(isinstance(node._inputs, dict) for node in pipelines["report"].nodes)


def test_every_dataset_is_in_the_catalog(config: OmegaConfigLoader, pipelines: dict[str, Pipeline]) -> None:
    catalog = DataCatalog.from_config(config["catalog"])
    for pipeline in pipelines.values():
        for name in pipeline.datasets():
            if not name.startswith("params:"):
                assert name in catalog, f"{name} would be kept in memory only"
                kept = not isinstance(catalog[name], MemoryDataset)
                assert kept != name.endswith(PASSED_ON)


def test_every_parameter_of_a_node_exists(config: OmegaConfigLoader, pipelines: dict[str, Pipeline]) -> None:
    parameters = config["parameters"]
    resolved = {f"params:{namespace}.settings" for namespace in check(parameters).settings}
    for pipeline in pipelines.values():
        for name in pipeline.inputs() - resolved:
            value = parameters
            for key in name.removeprefix("params:").split(".") if name.startswith("params:") else []:
                value = value[key]


def test_a_tenth_dataset_needs_no_python(config: OmegaConfigLoader) -> None:
    from guided_imagination import pipeline_registry

    parameters = config["parameters"]
    specs = {**parameters["dataset_specs"], "moths": parameters["dataset_specs"]["fashion"]}
    pipeline_registry.build_for(check({**parameters, "datasets": ["fashion", "moths"], "dataset_specs": specs}))
    nodes = {node.name for node in pipeline_registry.register_pipelines()["__default__"].nodes}
    assert {"moths.read", "moths.gif_dalle.train", "moths.mae.expand"} <= nodes


def test_hashes_and_versions_come_back_from_tables_as_text(config: OmegaConfigLoader, tmp_path: Path) -> None:
    """As numbers, 0012 and 12, 1e10 and 10e9, and the versions 0.1 and 0.10 would be the same."""
    settings = config["catalog"]["{dataset}.{method}.results"]
    text = "method,accuracy,recipe_key,code\n" + "a,1,0012,0.1\n" + "b,2,12,0.10\n"
    (tmp_path / "results.csv").write_text(text)
    rows = pd.read_csv(tmp_path / "results.csv", **settings["load_args"])
    assert rows[["recipe_key", "code"]].to_numpy().tolist() == [["0012", "0.1"], ["12", "0.10"]]


HEAVY = ("torch", "transformers", "diffusers", "matplotlib")
LIGHT = {
    "the registry": "from guided_imagination.pipeline_registry import register_pipelines; register_pipelines()",
    "verify": "import guided_imagination.expansion.records, guided_imagination.datasets.expansion",
    "files": "import guided_imagination.datasets.files, guided_imagination.datasets.table",
}


@pytest.mark.parametrize("imports", LIGHT.values(), ids=LIGHT)
def test_commands_that_need_no_network_do_not_wait_for_its_libraries(imports: str) -> None:
    start = (
        f"from kedro.framework.startup import bootstrap_project as boot; boot({str(ROOT)!r}); import sys; {imports}; "
    )
    show = f"print(sorted(set({HEAVY}) & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", start + show], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"


def test_kedro_viz_has_a_box_for_each_stage(config: OmegaConfigLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kedro_viz.integrations.kedro.data_loader", ModuleType("loader"))
    from guided_imagination import pipeline_registry

    pipeline_registry.build_for(check(config["parameters"]))
    pipelines = pipeline_registry.register_pipelines()
    stages, main = pipelines[pipeline_registry.STAGES], pipelines["__default__"]
    assert {node.namespace.split(".")[0] for node in stages.nodes} == {"ingest", "expand", "train", "audit", "report"}
    assert "expand.fashion.gif_dalle.expand" in {node.name for node in stages.nodes}
    assert len(stages.nodes) == len(main.nodes)
    assert stages.datasets() == main.datasets()
    assert f"--pipeline {pipeline_registry.STAGES}" in (ROOT / "Makefile").read_text()


def test_kedro_viz_shows_the_source_of_every_node(config: OmegaConfigLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kedro_viz.integrations.kedro.data_loader", ModuleType("loader"))
    from guided_imagination import pipeline_registry

    pipeline_registry.build_for(check(config["parameters"]))
    for pipeline in pipeline_registry.register_pipelines().values():
        for node in pipeline.nodes:
            assert f"def {node.func.__name__}(" in inspect.getsource(node.func)
