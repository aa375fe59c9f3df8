import shutil
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from guided_imagination.expansion.plan import plan_of
from guided_imagination.utils.randomness import generator
from helpers.settings import COMPUTE, EXPANDER, FILES, SPEC, row
from helpers.toy import dataset


@pytest.fixture
def hub(tmp_path):
    """A folder with a generator and a guide, put there by hand."""
    for name in ("mae", "clip"):
        (tmp_path / name).mkdir()
        save_file({"weight": torch.ones(2)}, tmp_path / name / "model.safetensors")
    return tmp_path


@pytest.fixture
def fingerprint(hub, monkeypatch):
    monkeypatch.chdir(hub)

    def of(seeds=None, config=None, generator=None, criteria=None, guide="clip", adapted=None, **changes):
        parts = {"config": config, "generator": generator, "criteria": criteria}
        expander = EXPANDER.overridden({name: part or {} for name, part in parts.items()} | {"guide": {"model": guide}})
        return plan_of(seeds or dataset([0, 1]), row(expander=expander, **changes), adapted).fingerprint

    return of


CHANGES = {
    "label": {"seeds": dataset([0, 0])},
    "class name": {"seeds": dataset([0, 1], names=["cat", "wolf"])},  # CLIP is asked about other classes
    "template": {"spec": SPEC.overridden({"templates": ["the {}."]})},
    "resolution": {"spec": SPEC.overridden({"resolution": 8})},
    "eps": {"config": {"eps": 0.4}},
    "batch size": {"config": {"images_per_batch": 1}},  # rounds otherwise
    "deterministic": {"compute": COMPUTE.overridden({"deterministic": True})},
    "redraws": {"config": {"redraws": 2}},
    "rejection": {"config": {"reject": {"max_seed_similarity": 0.9}}},
    "decoding": {"generator": {"decoding": "residual"}},
    "temperature": {"criteria": {"temperature": 1}},
    "weights": {"criteria": {"weights": {"entropy": 2}}},
    "guided": {"guided": False},
    "ratio": {"ratio": 3},
    "seed": {"seed": 1},
    "image format": {"image_files": FILES.overridden({"format": "webp"})},
    "precision": {"compute": COMPUTE.overridden({"precision": "bfloat16"})},
    "adaptation": {"adapted": {"folder": "adapted", "checksum": "abc"}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_shapes_the_images_changes_the_fingerprint(fingerprint, change):
    assert fingerprint(**change) != fingerprint()


@pytest.mark.parametrize("name", ["mae", "clip"])
def test_other_weights_are_another_fingerprint(fingerprint, hub, name):
    before = fingerprint()
    save_file({"weight": torch.zeros(2)}, hub / name / "model.safetensors")
    assert fingerprint() != before


NOT_SHAPING = {
    "overwrite": {"overwrite": True},
    "licence of the seeds": {"spec": SPEC.overridden({"licence": "mit"})},
    "licence of the generator": {"generator": {"licence": "apache-2.0"}},
}


@pytest.mark.parametrize("change", NOT_SHAPING.values(), ids=NOT_SHAPING)
def test_what_changes_no_image_is_not_in_the_fingerprint(fingerprint, change):
    assert fingerprint(**change) == fingerprint()


BASELINES = {
    "cutout": {"length": 0.5},
    "gridmask": {"period": (0.3, 0.7), "keep": 0.6},
    "randaugment": {"policy": "rand-m10-n2-mstd0.5"},
}


@pytest.mark.parametrize("method", BASELINES)
def test_a_baseline_makes_one_image_per_generator(method):
    plan = plan_of(dataset([0, 1]), row(method=method, expander=None, augmentation=BASELINES[method]))
    made = plan.load_augmenter().transform(torch.rand(3, 3, 8, 8), [generator(index) for index in range(3)])
    assert made.shape == (3, 3, 8, 8)


def test_the_files_of_generators_and_of_augmentations_say_what_they_are(fingerprint):
    """IPTC's words: made by a trained network, or altered by an algorithm that is none."""
    assert fingerprint()["digital_source"] == "trainedAlgorithmicMedia"
    assert fingerprint(guided=False)["digital_source"] == "trainedAlgorithmicMedia"
    for method, settings in BASELINES.items():
        plan = plan_of(dataset([0, 1]), row(method=method, expander=None, augmentation=settings))
        assert plan.fingerprint["digital_source"] == plan.digital_source == "algorithmicallyEnhanced"


def test_a_baselines_fingerprint_holds_its_own_settings_only():
    plan = plan_of(dataset([0, 1]), row(method="cutout", expander=None, augmentation=BASELINES["cutout"]))
    assert plan.fingerprint["settings"] == {"augmentation": {"kind": "cutout", "length": 0.5}}


FILTER_CHANGES = {
    "logit scale": {"criteria": {"logit_scale": 50}},
    "batch size": {"config": {"images_per_batch": 1}},
    "rejection": {"config": {"reject": {"max_seed_similarity": 0.9}}},
    "guide": {"guide": {"model": "mae"}},
}


@pytest.mark.parametrize("change", FILTER_CHANGES.values(), ids=FILTER_CHANGES)
def test_whatever_shapes_a_filter_changes_a_baseline_s_fingerprint(hub, monkeypatch, change):
    monkeypatch.chdir(hub)

    def of(changes):
        augmentation = {"kind": "cutout", "length": 0.5}
        settings = row(method="x", expander=None, augmentation=augmentation, filtered_by=EXPANDER.overridden(changes))
        return plan_of(dataset([0, 1]), settings).fingerprint

    assert of(change) != of({})


def test_a_model_is_called_the_same_wherever_its_folder_lies(hub, fingerprint, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "clip"
    shutil.copytree(hub / "clip", elsewhere)
    assert fingerprint(guide=str(elsewhere)) == fingerprint()


ODD, WORDS = ["001.Snowy_owl", "bkj"], {"bkj": "blue jay"}


def test_a_guide_is_told_words_which_stand_beside_the_names(hub, monkeypatch):
    monkeypatch.chdir(hub)
    told = []
    monkeypatch.setattr("guided_imagination.models.loading.load_zero_shot", lambda guide, names, *_: told.append(names))
    settings = {"spec": SPEC.overridden({"names": WORDS}), "method": "x", "expander": None}
    cutout = {**settings, "augmentation": {"kind": "cutout", "length": 0.5}, "filtered_by": EXPANDER}
    plan = plan_of(dataset([0, 1], names=ODD), row(**cutout))
    assert plan.fingerprint["settings"]["guide"]["classes"] == ODD
    assert plan.fingerprint["settings"]["guide"]["words"] == ["Snowy owl", "blue jay"]
    plan.load_augmenter()
    assert told == [["Snowy owl", "blue jay"]]


def test_a_generator_is_told_words(hub, monkeypatch):
    monkeypatch.chdir(hub)
    told = []
    look = SimpleNamespace(guide=SimpleNamespace(without_normalisation=lambda: None), placement=None)
    zero_shot = "guided_imagination.models.loading.load_zero_shot"
    monkeypatch.setattr(zero_shot, lambda guide, names, *_: told.append(names) or look)
    loader = "guided_imagination.generators.loading.load_generator"
    monkeypatch.setattr(loader, lambda config, guide, names, *_: told.append(names) or SimpleNamespace(embeds=False))
    plan_of(dataset([0, 1], names=ODD), row(spec=SPEC.overridden({"names": WORDS}))).load_augmenter()
    assert told == [["Snowy owl", "blue jay"]] * 2


def test_names_that_are_words_are_no_other_fingerprint(fingerprint):
    """What was made of such names is what would be made now."""
    own = fingerprint()["settings"]["guide"]
    assert own["classes"] == ["cat", "dog"]
    assert "words" not in own
    other = fingerprint(spec=SPEC.overridden({"names": {"dog": "puppy"}}))["settings"]["guide"]
    assert (other["classes"], other["words"]) == (["cat", "dog"], ["cat", "puppy"])
