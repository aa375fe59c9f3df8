"""`reproduce`: from a manifest alone to the same bytes."""

import json
import shutil
from functools import reduce

import pytest
from click.testing import CliRunner
from datasets import load_from_disk
from kedro.config import OmegaConfigLoader

import guided_imagination
from guided_imagination import InputError, __main__, cli
from guided_imagination.config import check
from guided_imagination.config.expansion import ExportConfig
from guided_imagination.config.strict import merged
from guided_imagination.data import ingestion
from guided_imagination.expansion.records import verify
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines.adapt import adapt
from guided_imagination.pipelines.expand import expand
from guided_imagination.pipelines.export import export
from guided_imagination.settings import CONFIG_LOADER_ARGS
from helpers.project import ROOT
from helpers.settings import row
from helpers.stores import checksums

CHANGED = {
    "ratio": 1,
    "train": {"ratios": 1},
    "expand_dalle": {"seeds_per_shard": 12},
    "generators": {"embedded_unclip": {"inference_steps": 1}},
    "expand_mae": {"seeds_per_shard": 20, "adapt": {"steps": 2, "batch_size": 4, "learning_rate": 1e-3}},
    "dataset_specs": {"fashion": {"templates": ["a {}, worn.", "a {}."]}},
    "methods": {"gif_mae": {"settings": {"eps": 1.5}}},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two guided rows of the embedded defaults, one of them of a fine-tuned generator, and their seeds.

    By the nodes of the pipelines, as `kedro run --env test` makes them, with a few parameters changed.
    """
    data = tmp_path_factory.mktemp("data")
    raw = OmegaConfigLoader(str(ROOT / "conf"), env="test", **CONFIG_LOADER_ARGS)["parameters"]
    parameters = check(merged(raw, {**CHANGED, "models_dir": str(data / "models")}))
    settings = parameters.row("fashion", "gif_dalle")
    ingestion.read(settings.spec, settings.draw).seeds.save_to_disk(str(data / "seeds"))
    seeds = load_from_disk(str(data / "seeds"))
    expand(seeds, settings, data / "gif_dalle")
    adapted = adapt(seeds, parameters.adaptation("fashion", "expand_mae"))
    expand(seeds, parameters.row("fashion", "gif_mae"), data / "gif_mae", adapted)
    return data


@pytest.fixture
def folder(made):
    return made / "gif_dalle"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No project lies here, and the workers of the command would take longer to begin than the work takes."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def command(*options):
    return CliRunner().invoke(cli.cli, ["reproduce", *map(str, options), "--workers", "1"])


def test_the_same_bytes_come_out_without_the_projects_parameters(folder):
    done = command(folder, "--check")
    assert done.exit_code == 0, done.output
    sums = checksums(folder)
    assert len(sums) == 2
    lines = done.stdout.splitlines()
    assert lines[-3:-1] == [f"{file}: {sums[file]} there, {sums[file]} here: the same" for file in sorted(sums)]
    assert lines[-1] == "same bytes: 2 of 2 shards"


def test_a_generator_is_fine_tuned_again_as_its_pipeline_did_it(made, tmp_path):
    new = tmp_path / "new"
    table = guided_imagination.reproduce(made / "gif_mae", new)
    assert table["here"].tolist() == table["there"].tolist() == list(checksums(made / "gif_mae").values())
    assert checksums(new) == checksums(made / "gif_mae")
    assert verify(new) == []
    with pytest.raises(InputError, match="new' already contains an expansion: use a new folder"):
        guided_imagination.reproduce(made / "gif_mae", new)


def test_images_that_were_handed_over_are_handed_over_again(made, tmp_path):
    seeds = load_from_disk(str(made / "seeds"))
    guided_imagination.expand(seeds, ratio=1, method="cutout", out=tmp_path / "own", seed=3)
    with pytest.raises(InputError, match="was made from images passed to expand: pass them as images"):
        guided_imagination.reproduce(tmp_path / "own")
    table = guided_imagination.reproduce(tmp_path / "own", images=seeds)
    assert dict(zip(table["file"], table["here"], strict=True)) == checksums(tmp_path / "own")
    with pytest.raises(InputError, match=r"cutout cannot be reproduced here: inputs\.seeds: "):
        guided_imagination.reproduce(tmp_path / "own", images=seeds.select(range(19)))


def test_guided_imagination_has_the_same_command(monkeypatch):
    monkeypatch.setenv("KEDRO_LOGGING_CONFIG", str(ROOT / "conf/logging.yml"))
    assert __main__.main.get_command(None, "reproduce") is cli.cli.commands["reproduce"]


def test_it_has_to_be_told_what_for(folder):
    done = command(folder)
    assert done.exit_code == 2
    assert "give --out NEW to keep the result, --check to compare it" in done.stderr


@pytest.fixture
def copy(folder, tmp_path):
    """A folder with the manifest alone, changed by `change(manifest)`."""

    def changed(change):
        manifest = json.loads((folder / "manifest.json").read_text())
        change(manifest)
        (tmp_path / "manifest.json").write_text(json.dumps(manifest))
        return tmp_path

    return changed


def test_the_first_shard_of_other_bytes_is_named(copy):
    def other(manifest):
        manifest["shards"][1]["checksum"] = "0" * 64
        manifest["sessions"][-1]["versions"]["torch"] = "1.0"

    done = command(copy(other), "--check")
    assert done.exit_code == 1
    first = "different bytes: train-00001-of-00002.parquet is the first of 1 shards that differ (versions.torch: 1.0 "
    assert first in done.stderr
    table = guided_imagination.reproduce(copy(other), check=False)
    assert (table["here"] == table["there"]).tolist() == [True, False]


OTHERS = {
    "code": "gif_dalle cannot be reproduced here: code: other there",
    "inputs.seeds": "inputs.seeds: other there",
    "inputs.generator weights": "inputs.generator weights: other there",
    "settings.guidance.steps": "settings.guidance.steps: other there",
}


@pytest.mark.parametrize("key", OTHERS)
def test_other_code_weights_or_seeds_are_refused_before_anything_is_made(copy, monkeypatch, key):
    monkeypatch.setattr("guided_imagination.api.reproducing.make", None)

    def change(manifest):
        *above, name = key.split(".")
        reduce(dict.__getitem__, above, manifest["fingerprint"])[name] = "other"

    with pytest.raises(InputError) as refused:
        guided_imagination.reproduce(copy(change))
    assert OTHERS[key] in str(refused.value)


def test_settings_of_another_version_are_one_sentence(copy):
    for change, words in (
        (lambda manifest: manifest["found"].pop("settings"), "does not record its settings: run the expansion again"),
        (lambda manifest: manifest["found"]["settings"].pop("ratio"), r"not of this version \(ratio: Field required"),
    ):
        with pytest.raises(InputError, match=words):
            guided_imagination.reproduce(copy(change))


def test_an_export_has_what_is_needed(made, folder, tmp_path):
    seeds = load_from_disk(str(made / "seeds"))
    config = ExportConfig(folder=str(tmp_path), methods=None, formats=["imagefolder", "huggingface"], test=False)
    record = export(seeds, seeds, Expansion(folder), config, row(dataset="fashion", method="gif_dalle"))
    places = [shutil.move(record[form]["folder"], tmp_path / f"elsewhere_{form}") for form in config.formats]
    table = guided_imagination.reproduce(places[0])
    assert dict(zip(table["file"], table["here"], strict=True)) == checksums(folder)
    one, other = (json.loads((tmp_path / f"elsewhere_{form}/manifest.json").read_text()) for form in config.formats)
    assert one == other
    with pytest.raises(InputError, match="already contains an expansion"):
        guided_imagination.reproduce(places[0], places[0])


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    done = command(tmp_path, "--check")
    assert done.exit_code == 1
    assert f"{tmp_path} has no manifest.json: name the folder of a complete expansion, or of an export" in done.stderr
