from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from guided_imagination.api.settings import METHODS, NAME, changed, making, presets, spec
from guided_imagination.config import Preset, RejectConfig, check
from guided_imagination.config.defaults import defaults
from guided_imagination.settings import CONFIG_LOADER_ARGS
from guided_imagination.utils.errors import InputError
from helpers.project import ROOT


@pytest.fixture(scope="module")
def kedro_s():
    arguments = {**CONFIG_LOADER_ARGS, "default_run_env": "base"}
    return OmegaConfigLoader(conf_source=str(ROOT / "conf"), **arguments)["parameters"]


def row(method="gif_dalle", preset="embedded", filter=None, least_kappa="preset", **settings):
    changes, models = making(method, preset, filter, least_kappa)
    return changed(changes, {"dataset_specs": {NAME: spec(models.resolution, None)}}, settings).row(NAME, method)


def test_the_defaults_are_those_that_kedro_reads(kedro_s):
    assert defaults() == kedro_s


@pytest.mark.parametrize("method", ["randaugment", "mae", "gif_mae", "dalle", "gif_dalle"])
def test_a_row_is_made_as_the_pipeline_s_row(method, kedro_s):
    theirs, ours = check(kedro_s).row("fashion", method), row(method)
    for part in ("method", "guided", "ratio", "seed", "image_files", "expander", "augmentation", "filtered_by"):
        assert getattr(ours, part) == getattr(theirs, part), part
    assert ours.spec.resolution == theirs.spec.resolution


def test_every_method_has_a_preset_and_every_preset_a_method():
    able = {
        name: {m for m, r in METHODS.items() if r["pipeline"] in preset.pipelines} for name, preset in presets().items()
    }
    assert all(able.values())
    generated = {method for method, own in METHODS.items() if own["pipeline"] != "augment_baselines"}
    assert set.union(*able.values()) == generated == {"mae", "gif_mae", "dalle", "gif_dalle", "sd", "gif_sd"}
    for name, methods in able.items():
        for method in methods:
            assert row(method, name).expander is not None


def test_the_models_of_a_preset_go_together():
    made = row("gif_dalle", "kandinsky")
    assert made.expander.generator.model == "kandinsky-community/kandinsky-2-2-decoder"
    assert made.expander.guide.model == "kandinsky-community/kandinsky-2-2-prior"
    assert made.spec.resolution == 224
    assert made.expander.config.eps == row("gif_dalle").expander.config.eps  # all else is the default


def test_a_preset_of_one_s_own():
    own = Preset(resolution=64, pipelines={"expand_mae": {"generator": "mae_base", "guide": "siglip", "eps": 1.5}})
    made = row("gif_mae", own)
    assert (made.expander.generator.model, made.expander.config.eps) == ("facebook/vit-mae-base", 1.5)
    assert made.spec.resolution == 64


def test_without_a_filter_nothing_is_refused_and_nobody_is_asked():
    made = row(filter=False).expander.config
    assert not made.reject.refuses
    assert made.least_kappa is None
    assert row(filter=False, least_kappa=0.5).expander.config.least_kappa == 0.5


def test_a_filter_s_thresholds():
    made = row(filter=RejectConfig(other_class=True, max_seed_similarity=0.9)).expander.config
    assert made.reject.max_seed_similarity == 0.9
    assert made.least_kappa == 0.2
    assert row(least_kappa=None).expander.config.least_kappa is None


def test_an_augmentation_passes_a_filter_only_if_asked():
    assert row("cutout").filtered_by is None
    filtered = row("cutout", filter=True)
    assert Path(filtered.filtered_by.guide.model).name == "clip"
    assert filtered.filtered_by.config.reject.other_class


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"method": "gan"}, "method = 'gan' is not known; allowed: cutout, gridmask, randaugment, mae, gif_mae"),
        ({"preset": "dalle3"}, "preset = 'dalle3' is not known; allowed: embedded, blood, mae_large, kandinsky"),
        ({"method": "gif_sd"}, "preset = 'embedded' has no model for method = 'gif_sd'"),
        ({"method": "gif_sd"}, "presets for gif_sd are stable_diffusion"),
        ({"method": "mae", "filter": True}, "use gif_mae"),
        ({"method": "dalle", "least_kappa": 0.1}, "use gif_dalle"),
        ({"least_kappa": 2}, "expand_dalle.least_kappa = 2: input should be less than or equal to 1"),
        ({"expand_dalle": {"radius": 1}}, "expand_dalle.radius is not a known key; allowed here: generator, guide"),
        (
            {"preset": Preset(resolution=9, pipelines={"expand_dalle": {"generator": "x"}})},
            "expand_dalle.generator: 'x'",
        ),
    ],
)
def test_what_is_not_known_is_refused_with_what_is_allowed(arguments, sentence):
    with pytest.raises(InputError) as caught:
        row(**arguments)
    assert sentence in str(caught.value)
