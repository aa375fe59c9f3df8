"""Settings that a manifest records, and what is read from them."""

import json
from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from guided_imagination.config import check
from guided_imagination.config.rows import ExpansionSettings
from guided_imagination.config.strict import merged
from guided_imagination.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).parents[2] / "conf"


def tree(env="base"):
    arguments = {**CONFIG_LOADER_ARGS, "default_run_env": "base"}
    return OmegaConfigLoader(conf_source=str(CONF), env=env, **arguments)["parameters"]


@pytest.fixture(scope="module")
def base():
    return tree()


def record(raw, place="fashion", method="gif_dalle", **change):
    """As a manifest has it, which is JSON."""
    return json.loads(json.dumps(check(merged(raw, change)).row(place, method).recorded()))


@pytest.mark.parametrize("env", ["base", "paper", "test"])
def test_what_shapes_images_is_read_as_it_was(env):
    parameters = check(tree(env))
    for place in parameters.places:
        for method in parameters.expanded():
            row = parameters.row(place, method)
            again = ExpansionSettings.of_record(json.loads(json.dumps(row.recorded())))
            assert (again.expander, again.augmentation, again.filtered_by) == (
                row.expander,
                row.augmentation,
                row.filtered_by,
            )
            assert (again.place, again.method, again.guided, again.ratio) == (place, method, row.guided, row.ratio)
            assert (again.seed, again.image_files) == (row.seed, row.image_files)
            assert again.spec == row.spec.model_copy(update={"overrides": {}, "licence": None})
            assert again.recorded() == row.recorded()


def test_a_fine_tuning_is_that_of_the_pipeline_whatever_the_row_changes(base):
    adapt = {"steps": 4, "batch_size": 2, "learning_rate": 5e-05}
    changed = {"gif_dalle": {"settings": {"images_per_batch": 3}}}
    found = ExpansionSettings.of_record(record(base, expand_dalle={"adapt": adapt}, methods=changed))
    assert found.expander.config.images_per_batch == 3
    assert found.adapt.pipeline == "expand_dalle"
    assert found.adapt.expander.config.images_per_batch == base["expand_dalle"]["images_per_batch"] != 3
    assert found.adapt.expander.config.adapt.steps == 4
    assert ExpansionSettings.of_record(record(base)).adapt is None


NOT_SHAPING = {
    "workers": {"compute": {"workers": {"count": 7}}},
    "training": {"train": {"seeds": 9}, "methods": {"gif_dalle": {"recipe": {"learning_rate": 0.3}}}},
    "what is weeded": {"dataset_specs": {"fashion": {"weed": "weed.json", "licence": "cc0-1.0"}}},
    "another pipeline": {"expand_mae": {"eps": 1}},
    "an audit": {"audit": {"images": 3}},
}


@pytest.mark.parametrize("change", NOT_SHAPING.values(), ids=NOT_SHAPING)
def test_what_shapes_no_image_is_not_recorded(base, change):
    assert record(base, **change) == record(base)


def test_files_of_the_package_are_recorded_as_conf_writes_them(base):
    found = record(base)
    assert found["expander"]["generator"]["model"] == "${embedded:fashion/unclip}"
    assert found["spec"]["source"]["train"] == ["${embedded:fashion/pool.parquet}"]
    assert str(CONF.parent) not in json.dumps(found)
