import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image, concatenate_datasets

import guided_imagination
from guided_imagination import InputError
from guided_imagination.api.wording import COMMAND, PYTHON, explained
from guided_imagination.config import check
from guided_imagination.config.defaults import defaults
from guided_imagination.config.strict import merged
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.plan import plan_of
from guided_imagination.expansion.records import record_features, verify
from guided_imagination.utils.errors import RUN, Remedy
from helpers.stores import checksums

SHARDS = {"expand_dalle": {"seeds_per_shard": 7}}


def refusal(images, **arguments):
    with pytest.raises(InputError) as caught:
        guided_imagination.expand(images, **arguments)
    assert "\n" not in str(caught.value)
    assert "--params" not in str(caught.value)
    return str(caught.value)


def plain(seeds, classes, count=6):
    """Black images of so many classes."""
    return torch.zeros(count, 3, 32, 32), [row % classes for row in range(count)], list("abcdef"[:classes])


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'torch', 'kedro', 'datasets', 'pydantic'}"
    code = f"import sys, guided_imagination as g; dir(g); print({heavy} & {{*sys.modules}})"
    assert subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True).stdout == "set()\n"


def test_all_that_is_exported_is_there():
    for name in guided_imagination.__all__:
        assert getattr(guided_imagination, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'expnad'"):
        guided_imagination.expnad  # noqa: B018


def test_the_rows_are_those_of_a_pipeline(expansion, seeds):
    assert expansion.features == record_features(seeds.features["label"].names)
    assert set(expansion["seed_id"]) <= set(seeds["id"])
    assert {image.size for image in expansion["image"]} == {(32, 32)}


def pipeline(folder, seeds, method, **changes):
    """The expansion of a row of `fashion` as Kedro's nodes make it, with the API's words for a class."""
    own = {"compute": {"workers": {"count": 1}}, "dataset_specs": {"fashion": {"templates": ["a photo of a {}."]}}}
    row = check(merged(merged(defaults(), own), changes)).row("fashion", method)
    expand(folder, plan_of(seeds, row))
    return checksums(folder)


def test_the_bytes_are_those_of_the_pipeline(expansion, seeds, out, tmp_path):
    made = pipeline(tmp_path / "pipeline", seeds, "gif_dalle", ratio=2, **SHARDS)
    assert len(made) == 3
    assert checksums(out) == made


def test_so_are_those_of_an_augmentation_with_another_seed(seeds, tmp_path):
    guided_imagination.expand(seeds, method="randaugment", ratio=1, seed=7, out=tmp_path / "api")
    assert checksums(tmp_path / "api") == pipeline(tmp_path / "pipeline", seeds, "randaugment", ratio=1, seed=7)


def test_a_killed_call_goes_on_and_a_finished_one_is_read(expansion, seeds, out, tmp_path):
    folder = tmp_path / "again"
    shutil.copytree(out, folder)
    shards = sorted(folder.glob("*.parquet"))
    assert len(shards) == 3
    (folder / "manifest.json").unlink()
    shards[1].unlink()
    before = {path.name: path.stat().st_mtime_ns for path in shards if path.exists()}
    made = guided_imagination.expand(seeds, ratio=2, out=folder, settings=SHARDS)
    assert checksums(folder) == checksums(out)
    assert made.to_dict() == expansion.to_dict()
    assert {path.name: path.stat().st_mtime_ns for path in shards if path.name in before} == before
    assert verify(folder) == []


def test_a_folder_that_was_made_otherwise_is_kept(expansion, seeds, out):
    before = checksums(out)
    sentence = refusal(seeds, ratio=3, out=out, settings=SHARDS)
    assert "ratio: 2 there, 3 now" in sentence
    assert sentence.endswith("replace it with overwrite=True, or keep it and use another out=FOLDER")
    assert checksums(out) == before


def test_without_out_nothing_stays_on_disk(seeds, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = guided_imagination.expand(seeds, ratio=1, method="cutout")
    assert not list(tmp_path.iterdir())
    assert len(made) == 20
    assert made[19]["image"].size == (32, 32)


def test_other_seeds_of_randomness_give_other_images(seeds):
    def pixels(seed):
        return guided_imagination.expand(seeds, ratio=1, method="cutout", seed=seed)["image"][:]

    assert pixels(1) == pixels(1)
    assert pixels(1) != pixels(2)


def test_a_guide_that_does_not_know_the_classes_is_refused_and_the_sentence_says_what_to_do():
    unknown = torch.zeros(12, 3, 32, 32), [row % 3 for row in range(12)], ["moth", "newt", "yak"]
    sentence = refusal(unknown)
    assert (
        "gif_dalle: the guide does not recognise these 3 classes: its zero-shot accuracy on the 12 seed images is "
        "33.3 %" in sentence
    )
    for way in ("another preset", "templates=", "unguided method such as randaugment", "filter=False"):
        assert way in sentence
    assert len(guided_imagination.expand(unknown, ratio=1, method="gif_mae", filter=False)) == 12


def test_after_a_refusal_the_same_folder_serves(tmp_path):
    unknown = torch.zeros(12, 3, 32, 32), [row % 3 for row in range(12)], ["moth", "newt", "yak"]
    assert "does not recognise these 3 classes" in refusal(unknown, method="gif_mae", ratio=1, out=tmp_path)
    assert len(guided_imagination.expand(unknown, method="gif_mae", ratio=1, out=tmp_path, filter=False)) == 12


def test_one_class_is_enough_where_nothing_is_told_apart(seeds):
    one = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)), [0] * 4, ["coat"]
    for method in ("cutout", "mae", "dalle"):
        assert guided_imagination.expand(one, ratio=1, method=method)["label"][:] == [0] * 4
    sentence = refusal(one, method="gif_mae")
    assert "there is one class, 'coat', which CLIP cannot distinguish from anything" in sentence
    assert "mae" in sentence
    assert "one class" in refusal(one, method="cutout", filter=True)


ARGUMENTS = {
    "ratio = 0: input should be greater than or equal to 1": {"ratio": 0},
    "seed = -1: input should be greater": {"seed": -1},
    "resolution = 0: input should be greater": {"resolution": 0},
    "workers = 0: input should be greater": {"workers": 0},
    "device = 'gpu': string should match": {"device": "gpu"},
    "device = 'cuda:9': this machine has": {"device": "cuda:9"},
    "templates.0 = 'photo'": {"templates": "photo"},
    "preset = 'tiny' is not known": {"preset": "tiny"},
    "method = 'gan' is not known": {"method": "gan"},
    "ratoi is not a known key": {"settings": {"ratoi": 1}},
}


@pytest.mark.parametrize(("sentence", "arguments"), ARGUMENTS.items())
def test_wrong_arguments_are_refused_before_images_are_looked_at(sentence, arguments, tmp_path):
    assert refusal("nowhere", out=tmp_path / "out", **arguments).startswith(sentence)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("offline")
def test_a_model_that_is_nowhere_is_named_with_the_command_that_fetches_it(seeds, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    sentence = refusal(seeds, preset="kandinsky")
    assert sentence.startswith("the model kandinsky-community/kandinsky-2-2-decoder is not on this machine")
    assert "hf download" in sentence


def test_a_place_that_holds_something_else_is_left_alone(seeds, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    assert "is a file" in refusal(seeds, out=file)
    assert "contains other files, e.g. 'notes.txt'" in refusal(seeds, out=tmp_path)
    assert "is inside the image folder" in refusal(tmp_path, out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_gpu_that_is_too_small_is_a_sentence():
    @explained
    def run():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    @explained
    def break_down():
        raise RuntimeError("shapes do not fit")

    with pytest.raises(InputError, match="use a smaller preset or resolution"):
        run()
    with pytest.raises(RuntimeError, match="shapes"):
        break_down()


def test_every_remedy_has_words_for_every_entrance():
    for words in (RUN, PYTHON, COMMAND):
        assert set(words.remedies) == set(Remedy)
    for words, foreign in ((PYTHON, "--"), (COMMAND, "="), (COMMAND, "--params"), (RUN, "overwrite=True")):
        assert not [said for said in words.remedies.values() if foreign in said]


def test_the_parts_of_an_error_survive_the_way_from_a_worker():
    error = pickle.loads(
        pickle.dumps(InputError("= 3: too many", Remedy.FEWER_WORKERS, parameter="compute.workers.count"))
    )
    assert str(error).startswith("compute.workers.count = 3: too many: set a lower compute.workers.count")
    assert error.worded(PYTHON).startswith("workers = 3: too many: use fewer workers=")
    assert error.worded(COMMAND).startswith("--workers = 3: too many: use fewer --workers")


def test_what_comes_back_is_a_dataset_like_any_other(expansion, tmp_path):
    assert isinstance(expansion, Dataset)
    expansion.save_to_disk(str(tmp_path))
    assert Dataset.load_from_disk(str(tmp_path))["variant"][:] == expansion["variant"][:]


def test_criteria_that_show_clip_raw_variants_change_no_embedding_that_a_decoder_is_given(seeds: Dataset) -> None:
    """Without any perturbation an image is its seed's, whatever it is scored by."""
    still = {"perturbation": "ball", "selection": None, "eps": 0, "steps": 0}
    first, second = (
        guided_imagination.expand(
            seeds, ratio=1, filter=False, settings={"expand_dalle": {**still, "criteria": criteria}}
        )
        for criteria in ("corrected", "authors")
    )
    assert [image.tobytes() for image in first["image"]] == [image.tobytes() for image in second["image"]]


def test_workers_open_the_images_of_files_that_are_gone_afterwards(seeds: Dataset, tmp_path: Path, monkeypatch) -> None:
    """What a worker is sent is no copy of all images."""
    sent = []
    original = cloudpickle.dumps
    monkeypatch.setattr(cloudpickle, "dumps", lambda what: sent.append(len(pickled := original(what))) or pickled)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rng = np.random.default_rng(0)
    pixels = rng.integers(256, size=(20, 64, 64, 3), dtype=np.uint8)  # noise: PNG makes it no smaller
    many = (pixels, np.arange(20) % 2, ["even", "odd"])
    made = guided_imagination.expand(many, ratio=1, method="cutout", workers=2)
    assert len(made) == 20
    assert sent
    assert all(size < pixels.nbytes / 4 for size in sent)
    assert not list(tmp_path.rglob("*.arrow"))


def test_a_place_whose_name_is_not_utf8_is_named(seeds: Dataset, tmp_path: Path) -> None:
    assert r"caf\xe9' is not UTF-8: rename it" in refusal(
        seeds, method="cutout", out=tmp_path / os.fsdecode(b"caf\xe9")
    )


def test_a_place_that_cannot_be_made_is_a_user_s_mistake(seeds: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        guided_imagination.expand(seeds, ratio=1, method="cutout", out=tmp_path / "file" / "out")


def test_an_expansion_can_be_appended_to_the_images_that_it_was_made_of():
    features = Features(image=Image(), label=ClassLabel(names=["blue_jay", "red_robin"]))
    pictures = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
    mine = Dataset.from_dict({"image": list(pictures), "label": [0, 1] * 4}, features=features)
    new = guided_imagination.expand(mine, ratio=1, method="cutout")
    both = concatenate_datasets([mine, new.select_columns(["image", "label"])])
    assert len(both) == 16
    assert both.features == features
    assert both["label"][:] == [0, 1] * 8
    assert {image.size for image in both["image"]} == {(16, 16), (32, 32)}


def test_a_folder_of_other_class_names_is_refused(seeds, tmp_path):
    """Without a guide, nothing that shaped the images tells the names."""
    pixels, labels, _ = plain(seeds, 2)
    settings = {"method": "cutout", "ratio": 1, "out": tmp_path / "out"}
    guided_imagination.expand((pixels, labels, ["cat", "dog"]), **settings)
    said = refusal((pixels, labels, ["dog", "cat"]), **settings)
    assert "holds an expansion of the classes cat, dog, the images have dog, cat: use another folder" in said
