"""`ingest` of all ten datasets from tiny copies, through the project's own configuration."""

import json
from pathlib import Path

import pytest
from datasets import load_from_disk
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from guided_imagination.config import check
from guided_imagination.data import ingestion
from guided_imagination.data.dataset import checksum, class_names
from guided_imagination.pipelines import ingest
from guided_imagination.settings import CONFIG_LOADER_ARGS
from helpers.fabricate import SIZES, SMALL, fabricate

CONF = Path(__file__).parents[2] / "conf"
NAMES = ["fashion", "blood", *SIZES]


def run(data: Path, datasets: list[str], **changes: object) -> dict[str, Path]:
    """The folders of the primary layer after `ingest` with conf/base and the small sizes."""
    loader = OmegaConfigLoader(
        conf_source=str(CONF),
        runtime_params={"data_dir": str(data)},
        **{**CONFIG_LOADER_ARGS, "default_run_env": "base"},
    )
    parameters = loader["parameters"]
    for name in datasets:
        parameters["dataset_specs"][name].update({**SMALL.get(name, {}), **changes})
    catalog = DataCatalog.from_config(loader["catalog"])
    settings = check({**parameters, "datasets": datasets, "train": {**parameters["train"], "recipes": ["matched"]}})
    for name in datasets:
        catalog[f"params:{name}.settings"] = settings.dataset(name)
    SequentialRunner().run(ingest.create_pipeline(datasets), catalog)
    return {name: data / "03_primary" / name for name in datasets}


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        fabricate(data / "01_raw", data / "hub", patch)
        yield run(data, NAMES)


def test_there_is_a_tiny_copy_of_each_dataset_of_the_project():
    specs = OmegaConfigLoader(conf_source=str(CONF), **{**CONFIG_LOADER_ARGS, "default_run_env": "base"})["parameters"]
    assert set(NAMES) == set(specs["dataset_specs"]) - {"fashion_tuning", "blood_tuning"}  # other test images


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_tells_what_lies_beside_it(ingested, name):
    manifest = json.loads((ingested[name] / "manifest.json").read_text())
    splits = {part: load_from_disk(str(ingested[name] / part)) for part in ("seeds", "validation", "test")}
    assert manifest["dataset"] == name
    assert manifest["quarantined"] == []
    for part, images in splits.items():
        assert manifest["splits"][part]["images"] == len(images)
        assert manifest["splits"][part]["checksum"] == checksum(images)
        assert manifest["classes"] == class_names(images)


@pytest.mark.parametrize("name", SIZES)
def test_sizes_are_those_of_the_entry(ingested, name):
    splits = json.loads((ingested[name] / "manifest.json").read_text())["splits"]
    assert tuple(splits[part]["images"] for part in ("seeds", "validation", "test")) == SIZES[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_index_names_each_image_once(ingested, name):
    index = json.loads((ingested[name] / "split.json").read_text())
    ids = [*index["seeds"], *index["validation"], *index["test"]]
    assert len(ids) == len(set(ids)) > 0
    assert index["seeds"] == list(load_from_disk(str(ingested[name] / "seeds"))["id"])


@pytest.mark.parametrize(
    ("name", "classes"),
    [
        ("caltech101", ["background", "face", "car seen from the side", "watch"]),
        ("cars", ["Acura Integra Type R 2001", "BMW X3 SUV 2012", "smart fortwo Convertible 2012"]),
        ("dtd", ["banded", "polka-dotted", "woven"]),
        ("cifar100", ["apple", "aquarium fish", "maple tree"]),
        ("pets", ["Abyssinian", "american bulldog", "wheaten terrier"]),
        ("breastmnist", ["malignant", "benign"]),
    ],
)
def test_clip_is_told_words(ingested, name, classes):
    assert json.loads((ingested[name] / "manifest.json").read_text())["words"] == classes


def test_classes_are_called_as_in_their_source(ingested):
    names = {name: json.loads((path / "manifest.json").read_text())["classes"] for name, path in ingested.items()}
    assert names["caltech101"] == ["BACKGROUND_Google", "Faces_easy", "car_side", "watch"]
    assert names["pets"] == ["Abyssinian", "american_bulldog", "wheaten_terrier"]
    assert names["breastmnist"] == ["malignant", "normal, benign"]


@pytest.mark.parametrize("name", NAMES)
def test_no_word_is_a_number_or_has_underscores(ingested, name):
    classes = json.loads((ingested[name] / "manifest.json").read_text())["words"]
    assert not [each for each in classes if "_" in each or each.isdigit() or "?" in each]


def test_medical_seeds_are_the_official_validation_images(ingested):
    index = json.loads((ingested["organsmnist"] / "split.json").read_text())
    assert {name.split("/")[0] for name in index["seeds"]} == {"val"}
    assert {name.split("/")[0] for name in index["validation"]} == {"train"}
    assert {name.split("/")[0] for name in index["test"]} == {"test"}


def test_an_index_file_gives_the_same_images_whatever_the_numbers_say(tmp_path):
    first = run(tmp_path / "a", ["fashion"])["fashion"]
    again = run(tmp_path / "b", ["fashion"], split=str(first / "split.json"), seeds_per_class=3)["fashion"]
    for part in ("seeds", "validation", "test"):
        assert checksum(load_from_disk(str(first / part))) == checksum(load_from_disk(str(again / part)))


def test_a_second_run_makes_nothing_again(tmp_path, monkeypatch):
    folder = run(tmp_path, ["fashion"])["fashion"]
    before = {path: path.stat().st_ino for path in folder.rglob("*.arrow")}
    manifest = (folder / "manifest.json").read_text()
    monkeypatch.setattr(ingestion, "open_source", None)  # would be called to read anything
    run(tmp_path, ["fashion"])
    assert {path: path.stat().st_ino for path in folder.rglob("*.arrow")} == before
    assert (folder / "manifest.json").read_text() == manifest
