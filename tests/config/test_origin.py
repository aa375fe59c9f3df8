"""From an expansion's manifest back to the parameters that it was made with."""

import json
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from guided_imagination.config import check
from guided_imagination.config.origin import changes, origin_of, recorded, row_of
from guided_imagination.config.strict import merged
from guided_imagination.settings import CONFIG_LOADER_ARGS
from guided_imagination.utils.errors import InputError

CONF = Path(__file__).parents[2] / "conf"
ROW = "fashion", "gif_dalle"


def tree(env="base"):
    arguments = {**CONFIG_LOADER_ARGS, "default_run_env": "base"}
    return OmegaConfigLoader(conf_source=str(CONF), env=env, **arguments)["parameters"]


@pytest.fixture(scope="module")
def base():
    return tree()


def origin(raw, place="fashion", method="gif_dalle", **change):
    """As a manifest tells it, which is JSON."""
    return json.loads(json.dumps(origin_of(check(merged(raw, change)), place, method)))


@pytest.mark.parametrize("method", ["cutout", "mae", "gif_mae", "gif_dalle"])
def test_a_row_of_conf_base_needs_no_change(base, method):
    assert changes(base, origin(base, method=method)) == {}


CHANGES = [
    {"ratio": 10},
    {"ratio": None},
    {"seed": 3, "image_files": {"format": "webp"}},
    {"dataset_specs": {"fashion": {"seeds_per_class": 2, "templates": ["a {}, worn."]}}},
    {"dataset_specs": {"fashion": {"names": {"Bag": "hand bag"}, "overrides": {"expand_dalle": {"redraws": 1}}}}},
    {"expand_dalle": {"steps": 0, "selection": None, "reject": {"other_class": False}}},
    {"expand_dalle": {"adapt": {"steps": 4, "batch_size": 2, "learning_rate": 5e-05}}},
    {"generators": {"embedded_unclip": {"inference_steps": 2}}, "criteria_sets": {"corrected": {"steps": 1}}},
    {"methods": {"gif_dalle": {"settings": {"perturbation": "ball", "selection": None}}}},
    {"compute": {"deterministic": True, "precision": "float32"}},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: ",".join(change))
def test_what_was_changed_comes_back(base, change):
    found = changes(base, origin(base, **change))
    # what a change of AdaptConfig leaves out is written out
    written = {"weights": "adapter", "schedule": "cosine", "rank": 8}
    expected = merged(change, {"expand_dalle": {"adapt": written}}) if "adapt" in str(change) else change
    assert found == expected


def test_names_of_other_presets_come_with_what_they_hold(base):
    other = {"kind": "unclip", "model": "org/mine", "image_size": 64, "inference_steps": 9, "guidance_scale": 2.0}
    found = changes(base, origin(base, expand_dalle={"generator": "mine"}, generators={"mine": other}))
    assert found["expand_dalle"] == {"generator": "mine"}
    assert other.items() <= found["generators"]["mine"].items()


def test_rows_datasets_and_draws_that_conf_base_lacks_come_back_whole(base):
    birds = {"source": {"kind": "folder", "path": "birds"}, "licence": "cc0-1.0", "resolution": 64}
    change = {"datasets": ["birds"], "draws": [0, 3], "dataset_specs": {"birds": birds}}
    change["methods"] = {"bold": {"pipeline": "expand_mae", "guided": True, "settings": {"eps": 3.0}}}
    told = origin(base, "birds_draw3", "bold", **change)
    assert row_of(told) == ("birds", 3, "bold")
    again = merged(base, changes(base, told))
    assert json.loads(json.dumps(origin_of(check(again), "birds_draw3", "bold"))) == told
    assert again["draws"] == [3]
    assert again["dataset_specs"]["birds"]["source"]["path"] == "birds"


def test_the_rows_of_other_environments_come_back(base):
    for env, method in {"paper": "gif_sd", "test": "gif_dalle_narrow"}.items():
        place = check(tree(env)).datasets[0]
        told = origin(tree(env), place, method)
        assert origin(merged(base, changes(base, told)), place, method) == told


NOT_SHAPING = {
    "workers": {"compute": {"workers": {"count": 7}}},
    "training": {"train": {"seeds": 9}, "methods": {"gif_dalle": {"recipe": {"learning_rate": 0.3}}}},
    "licences": {
        "dataset_specs": {"fashion": {"licence": "cc0-1.0"}},
        "generators": {"embedded_unclip": {"licence": "mit", "gigabytes": 1}},
    },
    "another pipeline": {"expand_mae": {"eps": 1}},
}


@pytest.mark.parametrize("change", NOT_SHAPING.values(), ids=NOT_SHAPING)
def test_what_shapes_no_image_is_not_told(base, change):
    assert origin(base, **change) == origin(base)


def test_files_of_the_package_are_told_as_conf_writes_them(base):
    told = origin(base)
    assert told["generators"]["embedded_unclip"]["model"] == "${embedded:fashion/unclip}"
    assert told["dataset_specs"]["fashion"]["source"]["train"] == ["${embedded:fashion/pool.parquet}"]
    assert str(CONF.parent) not in json.dumps(told)


def test_what_no_parameter_takes_away_is_named(base):
    now = merged(base, {"dataset_specs": {"fashion": {"names": {"Bag": "hand bag"}}}})
    with pytest.raises(InputError, match=r"made without what conf has in dataset_specs\.fashion\.names\.Bag"):
        changes(now, origin(base))


def test_a_manifest_of_an_earlier_version_tells_none():
    with pytest.raises(InputError, match=r"by version 0\.5\.0: make the expansion anew"):
        recorded({"fingerprint": {"code": "0.5.0"}, "found": {}})
