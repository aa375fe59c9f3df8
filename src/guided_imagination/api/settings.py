"""From the arguments of a call to the typed settings that pipelines have too: the defaults are those of conf/base."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any, Literal, get_args

from guided_imagination.config.augmentation import AUGMENT, AugmentConfig
from guided_imagination.config.checking import check
from guided_imagination.config.defaults import defaults
from guided_imagination.config.expansion import NOTHING_REFUSED, ExpandPipeline, Preset, RejectConfig
from guided_imagination.config.models import HeadChoice
from guided_imagination.config.parameters import Parameters
from guided_imagination.config.strict import merged
from guided_imagination.utils.errors import InputError

NAME = "images"  # of the one dataset of a call
MODELS = "models"  # where hub models may be put by hand, as hub/<org>/<name>
PREFIX = "expand_"
Filter = bool | RejectConfig | None
LeastKappa = float | None | Literal["preset"]

# A method by its name, as the rows of parameters.yml: each augmentation, each generator without and with guidance.
METHODS: dict[str, dict[str, Any]] = {
    **{name: {"pipeline": AUGMENT} for name in AugmentConfig.model_fields},
    **{
        f"{guided}{pipeline.removeprefix(PREFIX)}": {"pipeline": pipeline, "guided": bool(guided)}
        for pipeline in get_args(ExpandPipeline)
        for guided in ("", "gif_")
    },
}


def presets() -> dict[str, Preset]:
    """The presets by name (conf/base/parameters_presets.yml)."""
    return check(defaults()).presets


def changed(*changes: Mapping[str, Any]) -> Parameters:
    """The defaults with these changes, nested as in YAML, the later over the earlier.

    Raises InputError for an unknown key or an impossible value.
    """
    alone = {"datasets": [NAME], "export": {"methods": None}, "report": {"compare": []}, "models_dir": MODELS}
    tree = {**defaults(), "dataset_specs": {}, "methods": {}}
    return check(reduce(merged, changes, merged(tree, alone)))


def spec(resolution: int, templates: str | Sequence[str] | None) -> dict[str, Any]:
    """The dataset of a call as `dataset_specs` has one; its images are handed over, so that no source is read."""
    told = {} if templates is None else {"templates": [templates] if isinstance(templates, str) else list(templates)}
    return {"source": {"kind": "folder", "path": NAME}, "resolution": resolution, **told}


def compute(device: str, workers: int | None) -> dict[str, Any]:
    """Where networks run; `workers` None: a worker per GPU, or as many as the cores allow."""
    return {"device": device, "workers": {"count": workers}}


def making(
    method: str, preset: str | Preset, filter: Filter, least_kappa: LeastKappa, head: HeadChoice | None = None
) -> tuple[dict[str, Any], Preset]:
    """What `method` with the models of `preset` changes in the parameters, and the preset itself.

    Raises InputError for unknown names, for a method that the preset has no models for, and for a filter or a head
    where there can be none.
    """
    known = presets()
    if method not in METHODS:
        raise InputError(f"method = {method!r} is not known; allowed: {', '.join(METHODS)}")
    if isinstance(preset, str) and preset not in known:
        raise InputError(f"preset = {preset!r} is not known; allowed: {', '.join(known)}, or a Preset")
    models = known[preset] if isinstance(preset, str) else preset
    pipeline = METHODS[method]["pipeline"]
    pipelines = {str(name): changes for name, changes in models.pipelines.items()}
    asks = bool(filter) or isinstance(least_kappa, float | int) or head is not None
    if pipeline == AUGMENT:
        guide = next(iter(models.pipelines))
        row = METHODS[method] | ({"filtered_by": guide} if filter else {})
        changes = _checks(filter, least_kappa, head)
        return {**pipelines, "methods": {method: row}, guide: merged(models.pipelines[guide], changes)}, models
    if pipeline not in models.pipelines:
        raise InputError(_no_models(method, preset, models, known))
    if asks and not METHODS[method]["guided"]:
        raise InputError(
            f"method = {method!r} has no guide to filter with: omit filter, least_kappa and head, or use gif_{method}"
        )
    own = merged(models.pipelines[pipeline], _checks(filter, least_kappa, head))
    return {**pipelines, "methods": {method: METHODS[method]}, pipeline: own}, models


def _checks(filter: Filter, least_kappa: LeastKappa, head: HeadChoice | None) -> dict[str, Any]:
    """What is refused; without a filter nobody asks whether the guide knows the classes, unless it is said here."""
    changes: dict[str, Any] = {}
    if filter is False:
        changes = {"reject": NOTHING_REFUSED.model_dump(), "least_kappa": None}
    elif isinstance(filter, RejectConfig):
        changes = {"reject": filter.model_dump()}
    if head is not None:
        changes["head"] = head
    return changes if least_kappa == "preset" else {**changes, "least_kappa": least_kappa}


def _no_models(method: str, preset: str | Preset, models: Preset, known: Mapping[str, Preset]) -> str:
    pipeline = METHODS[method]["pipeline"]
    able = ", ".join(name for name, row in METHODS.items() if row["pipeline"] in (AUGMENT, *models.pipelines))
    others = ", ".join(name for name, other in known.items() if pipeline in other.pipelines)
    named = repr(preset) if isinstance(preset, str) else "the one given"
    return (
        f"preset = {named} has no model for method = {method!r}: allowed with it are {able}; presets for {method} "
        f"are {others}"
    )
