"""Where the images of a row come from: every parameter that shapes them, and how those differ from a project's."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from guided_imagination.config.augmentation import AUGMENT
from guided_imagination.config.checking import check
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.rows import place_of
from guided_imagination.config.strict import merged
from guided_imagination.utils.errors import InputError

EMBEDDED, WRITTEN = str(files("guided_imagination") / "embedded") + "/", "${embedded:"  # as conf/base writes the folder
UNSHAPING = {"licence", "gigabytes"}  # what a model or dataset has beside what shapes images
COMPUTE = {"device", "precision", "attention_slicing", "offload", "deterministic", "workers"}


def origin_of(parameters: Parameters, place: str, method: str) -> dict[str, Any]:
    """The part of the tree that shapes the images of a row, in plain values: a tree with it makes the same images.

    `datasets`, `draws` and `methods` hold this row alone. Files of the package are named as in conf/base, wherever the
    package lies.
    """
    dataset, draw = parameters.places[place]
    row = parameters.methods[method]
    tree = parameters.model_dump(mode="json")
    part: dict[str, Any] = {
        "datasets": [dataset],
        "draws": [draw],
        **{name: tree[name] for name in ("ratio", "seed", "image_files")},
        "dataset_specs": {dataset: _without(tree["dataset_specs"][dataset])},
        "methods": {method: {name: value for name, value in tree["methods"][method].items() if name != "recipe"}},
        "compute": {name: value for name, value in tree["compute"].items() if name in COMPUTE},
    }
    part["compute"]["workers"] = {"cpus": tree["compute"]["workers"]["cpus"]}  # by their number sums round
    if row.pipeline == AUGMENT:
        name = row.augmentation or method
        part[AUGMENT] = {name: tree[AUGMENT][name]}
    for pipeline in (row.pipeline, row.filtered_by):
        if pipeline is None or pipeline == AUGMENT:
            continue
        config = parameters.expander(dataset, pipeline, method if pipeline == row.pipeline else None).config
        part[pipeline] = tree[pipeline]
        presets = {"generators": config.generator, "guides": config.guide, "criteria_sets": config.criteria}
        part |= {section: {name: _without(tree[section][name])} for section, name in presets.items()}
    return _each(part, lambda text: f"{WRITTEN}{text.removeprefix(EMBEDDED)}}}" if text.startswith(EMBEDDED) else text)


def recorded(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The origin that an expansion's manifest tells. Raises InputError if it tells none."""
    origin: dict[str, Any] | None = manifest.get("found", {}).get("origin")
    if not origin:
        code = manifest.get("fingerprint", {}).get("code", "unknown")
        raise InputError(
            f"the manifest does not say with which parameters it was made, by version {code}: make the expansion anew"
        )
    return origin


def row_of(origin: Mapping[str, Any]) -> tuple[str, int, str]:
    """Dataset, draw and method of an origin."""
    (dataset,), (draw,), (method,) = origin["datasets"], origin["draws"], origin["methods"]
    return dataset, draw, method


def changes(raw: Mapping[str, Any], origin: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be changed in a project's parameters `raw`, nested as in YAML, to give a row its origin.

    Raises InputError where no change does: the project has a key that the row was made without.
    """
    wanted = _each(origin, lambda text: f"{EMBEDDED}{text[len(WRITTEN) : -1]}" if text.startswith(WRITTEN) else text)
    needed = _different(check(raw).model_dump(mode="json"), wanted)
    parameters = check(merged(raw, needed))
    dataset, draw, method = row_of(origin)
    made_of = origin_of(parameters, place_of(dataset, draw), method)
    if made_of != origin:
        raise InputError(
            f"the images were made without what conf has in {_first(made_of, origin)}, which no parameter takes away: "
            "take it out there"
        )
    return needed


def _different(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What of `new` is not in `old`."""
    found = {}
    for key, value in new.items():
        there = old.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            if inner := _different(there, value):
                found[key] = inner
        elif key not in old or there != value:
            found[key] = value
    return found


def _first(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The dotted name of the first key by which two trees differ."""
    key = next(key for key in (*one, *other) if key not in one or key not in other or one[key] != other[key])
    left, right = one.get(key), other.get(key)
    return f"{key}.{_first(left, right)}" if isinstance(left, Mapping) and isinstance(right, Mapping) else key


def _without(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in UNSHAPING}


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """Plain values with every text in them changed."""
    if isinstance(value, Mapping):
        return {key: _each(child, change) for key, child in value.items()}
    if isinstance(value, list):
        return [_each(child, change) for child in value]
    return change(value) if isinstance(value, str) else value
