"""`kedro reproduce`: from a manifest to the command that made it, and to the same bytes."""

import json
import shlex
import shutil
from functools import reduce

import pytest
from click.testing import CliRunner
from datasets import load_from_disk
from kedro.config import OmegaConfigLoader

from guided_imagination import pipeline_registry
from guided_imagination.cli import cli
from guided_imagination.config import check
from guided_imagination.config.expansion import ExportConfig
from guided_imagination.config.origin import origin_of
from guided_imagination.config.strict import merged
from guided_imagination.data import ingestion
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines.expand import create_pipeline
from guided_imagination.pipelines.export import export
from guided_imagination.settings import CONFIG_LOADER_ARGS
from helpers.project import ROOT
from helpers.settings import row
from helpers.stores import checksums

ROW = "fashion.gif_dalle.expanded"
CHANGED = {
    "ratio": 1,
    "train": {"ratios": 1},
    "expand_dalle": {"seeds_per_shard": 12},
    "generators": {"embedded_unclip": {"inference_steps": 1}},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A guided row of the embedded default in two shards, with a few parameters changed, and its seeds.

    By the node of its pipeline, as `kedro run --env test` makes it.
    """
    raw = OmegaConfigLoader(str(ROOT / "conf"), env="test", **CONFIG_LOADER_ARGS)["parameters"]
    parameters = check(merged(raw, CHANGED))
    data = tmp_path_factory.mktemp("data")
    settings = parameters.row("fashion", "gif_dalle")
    ingestion.read(settings.spec, settings.draw).seeds.save_to_disk(str(data / "seeds"))
    nodes = {node.name: node for node in create_pipeline("expand_dalle", parameters).nodes}
    nodes["fashion.gif_dalle.expand"].func(load_from_disk(str(data / "seeds")), settings, data / "gif_dalle")
    return data


@pytest.fixture
def folder(made):
    return made / "gif_dalle"


@pytest.fixture
def one_process(project, monkeypatch):
    """In the project, whose workers would take longer to begin than the work takes."""
    raw = merged(pipeline_registry.base_parameters(), {"compute": {"workers": {"count": 1}}})
    monkeypatch.setattr(pipeline_registry, "base_parameters", lambda: raw)


def reproduce(*options):
    return CliRunner().invoke(cli, ["reproduce", *map(str, options)])


def parameters_of(command):
    words = shlex.split(command)
    assert words[:4] == ["kedro", "run", "--to-outputs", ROW]
    return set(words[words.index("--params") + 1].split(","))


@pytest.mark.usefixtures("one_process")
def test_the_same_bytes_come_out_and_the_command_has_what_differs_from_conf_base(folder):
    done = reproduce(folder, "--check")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    # what conf/test and --params have changed, no more: not where data are, how many workers there were, or trainings
    assert parameters_of(lines[0]) == {
        "ratio=1",
        "dataset_specs.fashion.seeds_per_class=2",
        "dataset_specs.fashion.validation_per_class=2",
        "expand_dalle.selection.candidates=4",
        "expand_dalle.redraws=1",
        "expand_dalle.rejected=keep",
        "expand_dalle.seeds_per_shard=12",
        "expand_dalle.seeds_per_batch=4",
        "generators.embedded_unclip.inference_steps=1",
    }
    sums = checksums(folder)
    assert len(sums) == 2
    assert lines[-3:-1] == [f"{file}: {sums[file]} there, {sums[file]} here: the same" for file in sorted(sums)]
    assert lines[-1] == "same bytes: 2 of 2 shards, 20 images"


def read_by_kedro(command):
    """Outputs and parameters as `kedro run` takes them from a command line."""
    words = shlex.split(command)
    taken = cli.commands[words[1]].make_context(words[1], words[2:]).params
    return taken["to_outputs"], taken["params"]


@pytest.mark.usefixtures("project")
def test_kedro_takes_the_command_and_gives_the_row_all_that_its_manifest_tells(folder):
    outputs, params = read_by_kedro(reproduce(folder).stdout)
    assert list(outputs) == [ROW]
    told = json.loads((folder / "manifest.json").read_text())["found"]["origin"]
    assert origin_of(check(merged(pipeline_registry.base_parameters(), params)), "fashion", "gif_dalle") == told


@pytest.fixture
def copy(folder, tmp_path):
    """A folder with the manifest alone, changed by `change(manifest)`."""

    def changed(change):
        manifest = json.loads((folder / "manifest.json").read_text())
        change(manifest)
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        return tmp_path

    return changed


@pytest.mark.usefixtures("one_process")
def test_the_first_shard_of_other_bytes_is_named(copy):
    def other(manifest):
        manifest["shards"][1]["checksum"] = "0" * 64
        manifest["sessions"][-1]["versions"]["torch"] = "1.0"

    done = reproduce(copy(other), "--check")
    assert done.exit_code == 1
    assert "train-00001-of-00002.parquet: " + "0" * 64 in done.stdout
    assert "other bytes: train-00001-of-00002.parquet is the first shard that differs (versions.torch: 1.0 there" in (
        done.stderr
    )


@pytest.mark.usefixtures("one_process")
def test_other_code_weights_or_seeds_are_refused_before_anything_is_made(copy, monkeypatch):
    monkeypatch.setattr("guided_imagination.expansion.reproduce.expand", None)
    for part, name in (([], "code"), (["inputs"], "seeds"), (["inputs"], "generator weights")):

        def change(manifest, part=part, name=name):
            reduce(dict.__getitem__, part, manifest["fingerprint"])[name] = "other"

        done = reproduce(copy(change), "--check")
        assert done.exit_code == 1
        key = ".".join([*part, name])
        assert f"fashion.gif_dalle cannot come out the same here: {key}: other there" in done.stderr


@pytest.mark.usefixtures("project")
def test_what_no_command_line_takes_is_written_to_a_file_for_kedro(copy, tmp_path):
    def with_comma(manifest):
        manifest["found"]["origin"]["dataset_specs"]["fashion"]["templates"] = ["a {}, worn.", "a {}."]

    folder, file = copy(with_comma), tmp_path / "again.yml"
    refused = reproduce(folder)
    assert refused.exit_code == 1
    assert "dataset_specs.fashion.templates = ['a {}, worn.', 'a {}.'] is more than --params takes" in refused.stderr
    done = reproduce(folder, "--save", file)
    assert done.stdout == f"kedro run --config {file}\n"
    outputs, params = read_by_kedro(done.stdout)
    assert list(outputs) == [ROW]
    assert params["ratio"] == 1
    assert params["dataset_specs"]["fashion"]["templates"] == ["a {}, worn.", "a {}."]


@pytest.mark.usefixtures("project")
def test_an_export_has_what_is_needed(made, folder, tmp_path):
    seeds = load_from_disk(str(made / "seeds"))
    config = ExportConfig(folder=str(tmp_path), methods=None, formats=["imagefolder", "huggingface"], test=False)
    record = export(seeds, seeds, Expansion(folder), config, row(dataset="fashion", method="gif_dalle"))
    command = reproduce(folder).stdout
    for form in config.formats:
        place = shutil.move(record[form]["folder"], tmp_path / f"elsewhere_{form}")
        assert reproduce(place).stdout == command


@pytest.mark.usefixtures("project")
def test_a_folder_without_a_manifest_is_refused(tmp_path):
    done = reproduce(tmp_path)
    assert done.exit_code == 1
    assert f"{tmp_path} has no manifest.json: name the folder of a complete expansion, or of an export" in done.stderr
