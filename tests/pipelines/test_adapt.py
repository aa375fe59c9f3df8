from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_datasets.json import JSONDataset

from guided_imagination.config import check
from guided_imagination.models.weights import weights_checksum
from guided_imagination.pipelines.adapt import create_pipeline
from guided_imagination.settings import CONFIG_LOADER_ARGS
from helpers.toy import dataset

CONF = Path(__file__).parents[2] / "conf"
TRAINING = {"steps": 2, "batch_size": 2, "learning_rate": 1e-4}


@pytest.fixture(scope="module")
def config():
    return OmegaConfigLoader(str(CONF), **{**CONFIG_LOADER_ARGS, "default_run_env": "base"})


@pytest.fixture
def tree(config):
    """The shipped parameters, with three datasets of which one has rows of its own settings."""

    def changed(overrides=None, **changes):
        parameters = config["parameters"]
        spec = parameters["dataset_specs"]["fashion"]
        specs = {"fashion": spec, "moths": spec, "scans": {**spec, "overrides": overrides or {}}}
        return {**parameters, "dataset_specs": specs, "datasets": list(specs), **changes}

    return changed


def names(tree):
    return {node.name for node in create_pipeline(check(tree)).nodes}


def test_nothing_is_adapted_unless_asked(tree):
    assert names(tree()) == set()


def test_a_pipeline_with_settings_is_adapted_to_every_dataset(tree, config):
    changed = tree(expand_mae={**config["parameters"]["expand_mae"], "adapt": TRAINING})
    assert names(changed) == {f"{dataset}.expand_mae.adapt" for dataset in ("fashion", "moths", "scans")}


def test_a_dataset_may_ask_for_itself(tree):
    changed = tree(overrides={"expand_dalle": {"adapt": TRAINING}})
    assert names(changed) == {"scans.expand_dalle.adapt"}


def test_a_dataset_may_skip_it(tree, config):
    changed = tree(
        overrides={"expand_mae": {"adapt": None}},
        expand_mae={**config["parameters"]["expand_mae"], "adapt": TRAINING},
    )
    assert names(changed) == {"fashion.expand_mae.adapt", "moths.expand_mae.adapt"}


def test_a_pipeline_without_rows_is_not_adapted(tree):
    changed = tree(overrides={"expand_sd": {"adapt": TRAINING}, "expand_dalle": {"adapt": TRAINING}})
    left = {
        "methods": {"original": {}, "mae": {"pipeline": "expand_mae"}},
        "report": {**changed["report"], "compare": []},
    }
    assert names({**changed, **left}) == set()


def test_the_record_has_its_place_in_the_catalog(config):
    catalog = DataCatalog.from_config(config["catalog"])
    assert isinstance(catalog["scans.expand_sd.adapted"], JSONDataset)


@pytest.mark.parametrize("pipeline", ["expand_mae", "expand_dalle"])
def test_an_embedded_generator_is_adapted(tree, tmp_path, pipeline):
    changed = tree(overrides={pipeline: {"adapt": TRAINING}}, models_dir=str(tmp_path))
    graph, settings = create_pipeline(check(changed)), check(changed).adaptation("scans", pipeline)
    parameters = {f"params:scans.{pipeline}.settings": settings}
    seeds = {"scans.seeds": dataset([0, 1, 0, 1], side=28)}
    outputs = [f"scans.{pipeline}.adapted"]
    catalog = DataCatalog({name: MemoryDataset(value) for name, value in {**parameters, **seeds}.items()})
    record = SequentialRunner().run(graph, catalog)[outputs[0]].load()
    assert record["checksum"] == weights_checksum(record["folder"])
    assert Path(record["folder"]).is_relative_to(tmp_path / "scans" / pipeline)
    assert record["steps"] == 2
