"""`guided-imagination expand` as a user calls it, in this process."""

import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from datasets import Dataset, load_dataset
from PIL import Image
from torchvision.datasets import ImageFolder

from guided_imagination.__main__ import main
from guided_imagination.expansion.records import verify
from helpers.disks import closed
from helpers.project import ROOT


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def folder(seeds: Dataset, tmp_path: Path) -> Path:
    """Twenty garments in a folder for each class."""
    names = seeds.features["label"].names
    for row in seeds:
        place = tmp_path / "garments" / names[row["label"]].replace(" ", "_")
        place.mkdir(parents=True, exist_ok=True)
        row["image"].save(place / f"{row['id'].split('/')[-1]}.png")
    return tmp_path / "garments"


def test_help_names_methods_and_presets_without_kedro_or_torch() -> None:
    assert "expand" in run("--help").output
    words = run("expand", "--help").output
    for name in ("gif_mae", "randaugment", "kandinsky: for dalle, gif_dalle", "--no-filter"):
        assert name in words


def test_a_folder_becomes_shards_and_an_image_folder(folder: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # no Kedro project
    options = ("--method", "gif_mae", "--ratio", 2, "--workers", 1, "--set", "expand_mae.steps=1")
    done = run("expand", folder, *options, "--out", "new", "--images", "pictures")
    assert done.exit_code == 0, done.output
    assert verify(Path("new")) == []
    new = load_dataset("parquet", data_files="new/*.parquet", split="train", cache_dir=str(tmp_path / "cache"))
    assert f"{len(new)} new images" in done.output
    assert f"{len(new) + 20} images, including the input, are in pictures/train" in done.output
    files = list(Path("pictures/train").rglob("*.png"))
    assert len(files) == len(new) + 20
    assert {file.parent.name for file in files} == {name.replace(" ", "_") for name in new.features["label"].names}
    again = run("expand", folder, *options, "--out", "new", "--images", "pictures")
    assert again.exit_code == 0, again.output
    monkeypatch.setenv("KEDRO_LOGGING_CONFIG", os.environ.get("KEDRO_LOGGING_CONFIG", str(ROOT / "conf/logging.yml")))
    same = run("reproduce", "new", "--images", folder, "--check", "--workers", 1)
    assert "same bytes: 1 of 1 shards" in same.output, same.output
    assert "was made from images passed to expand" in run("reproduce", "new", "--check").stderr


ALBATROSSES = ["001.Black_footed_Albatross", "002.Laysan_Albatross", "003.Sooty_Albatross", "004.Groove_billed_Ani"]


@pytest.mark.parametrize(
    "names",
    [ALBATROSSES, ["a b", "a_c", "a-d", "\u00e9t\u00e9", "cafe\u0301", "cafz", "\u6f22\u5b57", "y" * 200]],
    ids=["numbered", "of every kind"],
)
def test_an_image_folder_numbers_classes_as_the_given_one(names: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in names:
        (tmp_path / "given" / name).mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(tmp_path / "given" / name / "0.png")
    options = ("--method", "cutout", "--ratio", 1, "--workers", 1, "--out", tmp_path / "new")
    done = run("expand", tmp_path / "given", *options, "--images", tmp_path / "pictures")
    assert done.exit_code == 0, done.output
    given, made = (ImageFolder(str(tmp_path / folder)) for folder in ("given", "pictures/train"))
    assert made.class_to_idx == given.class_to_idx == {name: label for label, name in enumerate(sorted(names))}
    assert sorted(made.targets) == sorted([*given.targets, *given.targets])


def test_mistakes_end_in_one_sentence_in_the_words_of_the_command(folder: Path, tmp_path: Path) -> None:
    def refusal(*arguments: object) -> str:
        done = run("expand", *arguments)
        assert done.exit_code == 1
        assert isinstance(done.exception, SystemExit), "an explained error, not a traceback"
        lines = done.stderr.strip().splitlines()
        assert lines[-1].startswith("Error: ")
        return lines[-1]

    out = ("--out", tmp_path / "out", "--workers", 1)
    assert "ratio = 0: input should be greater" in refusal(folder, *out, "--ratio", 0)
    assert "method = 'gan' is not known" in refusal(folder, *out, "--method", "gan")
    assert "is not a folder" in refusal(tmp_path / "nowhere", *out)
    assert "is inside the image folder" in refusal(folder, "--out", folder / "new")
    assert "contains other files" in refusal(folder, *out, "--images", tmp_path)
    assert not (tmp_path / "out").exists()
    run("expand", folder, *out, "--method", "cutout", "--ratio", 1)
    otherwise = refusal(folder, *out, "--method", "cutout", "--ratio", 2)
    assert "replace it with --overwrite, or keep it and use another --out FOLDER" in otherwise


def test_a_setting_needs_a_value(folder: Path, tmp_path: Path) -> None:
    assert "'seed' has no '='" in run("expand", folder, "--out", tmp_path / "out", "--set", "seed").stderr


def test_an_image_folder_has_the_images_that_were_expanded(folder: Path, tmp_path: Path) -> None:
    left_out = min(path.name for path in folder.iterdir())
    options = ("--method", "cutout", "--ratio", 1, "--workers", 1)
    without = ("--set", f"dataset_specs.images.exclude=['{left_out}']", "--set", "train.ratios=[1]")
    done = run("expand", folder, *options, *without, "--out", tmp_path / "new", "--images", tmp_path / "pictures")
    assert done.exit_code == 0, done.output
    pictures = list((tmp_path / "pictures/train").rglob("*.png"))
    assert len(pictures) == 36
    assert left_out not in {picture.parent.name for picture in pictures}
    assert "36 images, including the input" in done.output


def test_pictures_do_not_take_the_place_of_the_expansion(folder: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for out, pictures in (("new", "new"), ("work/new", "work"), ("new", "./new/../new")):
        done = run("expand", folder, "--method", "cutout", "--workers", 1, "--out", out, "--images", pictures)
        assert done.exit_code == 1
        assert f"would overwrite --out {out}" in done.stderr
        assert not Path(out).exists()


def test_a_setting_that_is_no_yaml_is_named(folder: Path, tmp_path: Path) -> None:
    done = run("expand", folder, "--out", tmp_path / "out", "--set", "expand_mae.steps={")
    assert "'{' of expand_mae.steps is no YAML" in done.stderr


def test_a_folder_of_parts_is_told_in_the_words_of_the_command(folder: Path, tmp_path: Path) -> None:
    said = run("expand", folder.parent, "--out", tmp_path.parent / f"{tmp_path.name}_new").stderr.strip()
    assert said.endswith(f"the class folder {folder} has no image; it holds folders: did you mean {folder}?")


def test_a_place_that_cannot_be_written_is_named_before_the_work(folder: Path, tmp_path: Path) -> None:
    def refusal(*arguments: object) -> str:
        done = run("expand", folder, "--method", "cutout", "--workers", 1, *arguments)
        assert isinstance(done.exception, SystemExit), "an explained error, not a traceback"
        return done.stderr.strip()

    with closed(tmp_path / "closed") as place:
        for target in (place / "new", place / "a" / "b"):
            assert f"Error: {place}" in refusal("--out", tmp_path / "new", "--images", target)
            assert not (tmp_path / "new").exists()
        assert f"'{place}/new' cannot be made" in refusal("--out", place / "new")
        assert f"Error: {place} cannot be written to" in refusal("--out", place)
    (tmp_path / "file").touch()
    long = "n" * 300
    assert f"{tmp_path}/file cannot be written to" in refusal(
        "--out", tmp_path / "new", "--images", tmp_path / "file/a"
    )
    assert "File name too long" in refusal("--out", tmp_path / "new", "--images", tmp_path / long)
    assert "File name too long" in refusal("--out", tmp_path / long)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("setting", ["=3", ".steps=3", "expand_dalle..steps=3"])
def test_a_setting_without_a_name_is_refused(folder: Path, tmp_path: Path, setting: str) -> None:
    assert f"{setting!r} names no setting" in run("expand", folder, "--out", tmp_path / "out", "--set", setting).stderr
