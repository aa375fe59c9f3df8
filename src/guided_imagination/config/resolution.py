"""From the parameter tree to what the nodes are told. A ValueError says which name or override cannot be resolved."""

from collections.abc import Collection, Mapping
from typing import Any, Literal, get_args

from pydantic import ValidationError

from guided_imagination.config.augmentation import AUGMENT
from guided_imagination.config.expansion import Expander, ExpandPipeline
from guided_imagination.config.models import check_head
from guided_imagination.config.rows import (
    ORIGINALS,
    AdaptSettings,
    DatasetSettings,
    EncoderHead,
    RowSettings,
    Shared,
    TrainingSettings,
)
from guided_imagination.config.strict import problem
from guided_imagination.config.training import Recipe
from guided_imagination.config.tree import Tree

# what a dataset may override beside its pipelines: the guides that know its classes
OWN_GUIDES = {"train": ["guide"], "audit": ["guide"]}


def resolve(tree: Tree) -> dict[str, Shared]:
    """Settings by the namespace that they stand in: of each draw of a dataset, of its rows, and of its fine-tunings."""
    found: dict[str, Shared] = {}
    for place in tree.places:
        found[place] = _dataset(tree, place)
        found |= {f"{place}.{method}": _row(tree, place, method) for method in tree.methods}
        found |= {
            f"{place}.{pipeline}": _adaptation(tree, place, pipeline)
            for pipeline in get_args(ExpandPipeline)
            if adapts(tree, place, pipeline)
        }
    return found


def adapts(tree: Tree, place: str, pipeline: ExpandPipeline) -> bool:
    """Whether `pipeline` fine-tunes its generator on the seeds of `place` first."""
    dataset, _ = tree.places[place]
    return bool(tree.rows_of(pipeline)) and expander(tree, dataset, pipeline).config.adapt is not None


def expander(tree: Tree, dataset: str, pipeline: ExpandPipeline, method: str | None = None) -> Expander:
    """The settings of `pipeline` for `dataset`, and a row of it."""
    changes = [tree.dataset_specs[dataset].overrides]
    places = [f"dataset_specs.{dataset}.overrides"]
    if method is not None:
        changes.append({pipeline: tree.methods[method].settings})
        places.append(f"methods.{method}.settings")
    return changed_expander(tree, places[-1], pipeline, *changes)


def changed_expander(
    tree: Tree, place: str, pipeline: ExpandPipeline, *changes: Mapping[str, Mapping[str, Any]]
) -> Expander:
    """The settings of `pipeline` with changes by section, of which the last stand at `place`."""
    try:
        return Expander.of(
            pipeline, getattr(tree, pipeline), tree.generators, tree.guides, tree.criteria_sets, *changes
        )
    except ValidationError as error:
        raise ValueError(problem(error.errors(include_url=False)[0], f"{place}: ")) from error


def overridden(place: str, recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with the changes that stand at `place`."""
    try:
        return recipe.overridden(changes)
    except ValidationError as error:
        raise ValueError(problem(error.errors(include_url=False)[0], f"{place}.")) from None


def check_known(place: str, names: Collection[str], known: Collection[str]) -> None:
    """Raises ValueError for a name that is not known."""
    for name in names:
        if name not in known:
            raise ValueError(f"{place}: {name!r} is not known; allowed: {', '.join(known)}")


def _dataset(tree: Tree, place: str) -> DatasetSettings:
    dataset, _ = tree.places[place]
    searched = _recipe(tree, dataset, tree.tune.recipe)
    _check_weights(tree, f"tune.recipe: {tree.tune.recipe!r}", searched)
    if searched.soft_labels:
        raise ValueError(
            f"tune.recipe: {tree.tune.recipe!r} needs a teacher for its soft labels, which the search does not have"
        )
    return DatasetSettings(
        **_shared(tree, place),
        **_audited(tree, dataset),
        training=_training(tree, dataset, {}),
        tune=tree.tune,
        tune_recipe=searched,
        references={name: _reference(tree, dataset, name) for name in tree.train.references},
    )


def _adaptation(tree: Tree, place: str, pipeline: ExpandPipeline) -> AdaptSettings:
    dataset, _ = tree.places[place]
    return AdaptSettings(**_shared(tree, place), pipeline=pipeline, expander=expander(tree, dataset, pipeline))


def _row(tree: Tree, place: str, method: str) -> RowSettings:
    dataset, _ = tree.places[place]
    row = tree.methods[method]
    imagined = row.pipeline if row.pipeline is not None and row.pipeline != AUGMENT else None
    augments = row.pipeline == AUGMENT
    return RowSettings(
        **_shared(tree, place),
        **_audited(tree, dataset),
        method=method,
        guided=row.guided,
        ratio=ORIGINALS if row.pipeline is None else tree.ratio_of(dataset),
        overwrite=tree.overwrite,
        image_files=tree.image_files,
        expander=expander(tree, dataset, imagined, method) if imagined else None,
        augmentation=getattr(tree.augment_baselines, tree.augmentation_of(method)) if augments else None,
        filtered_by=expander(tree, dataset, row.filtered_by) if row.filtered_by else None,
        adapt=_adaptation(tree, place, imagined) if imagined and adapts(tree, place, imagined) else None,
        training=_training(tree, dataset, row.recipe),
    )


def _shared(tree: Tree, place: str) -> dict[str, Any]:
    dataset, draw = tree.places[place]
    spec = tree.dataset_specs[dataset]
    own = {"dataset": dataset, "draw": draw, "spec": spec, "seed": tree.seed, "compute": tree.compute}
    return {**own, "models_dir": tree.models_dir}


def _audited(tree: Tree, dataset: str) -> dict[str, Any]:
    guide = _guide(tree, dataset, "audit") or tree.audit.guide
    check_head("audit.head", tree.audit.head, guide, tree.guides[guide])
    return {"audit": tree.audit, "audit_guide": tree.guides[guide]}


def _guide(tree: Tree, dataset: str, section: Literal["train", "audit"]) -> str | None:
    """The name of the guide of `section`, or what the dataset names instead."""
    own = tree.dataset_specs[dataset].overrides.get(section, {})
    place = f"dataset_specs.{dataset}.overrides.{section}"
    check_known(place, own, OWN_GUIDES[section])
    name: str | None = own.get("guide", getattr(tree, section).guide)
    check_known(f"{place}.guide", [name] if name else [], tree.guides)
    return name


def _reference(tree: Tree, dataset: str, name: str) -> EncoderHead:
    own = tree.train.references[name]
    guide = own.guide or _guide(tree, dataset, "train")
    if guide is None:
        raise ValueError(f"train.references.{name} has no guide: name one there, or in train.guide")
    check_known(f"train.references.{name}.guide", [guide], tree.guides)
    check_head(f"train.references.{name}.head", own.head, guide, tree.guides[guide])
    return EncoderHead(name=guide, guide=tree.guides[guide], head=own.head)


def _training(tree: Tree, dataset: str, changes: Mapping[str, Any]) -> TrainingSettings:
    recipes = {name: _recipe(tree, dataset, name).overridden(changes) for name in tree.train.recipes}
    for name, recipe in recipes.items():
        _check_weights(tree, f"train.recipes: {name!r}", recipe)
    teacher = tree.train.teacher
    soft = any(recipe.soft_labels for recipe in recipes.values())
    if soft and teacher is None:
        raise ValueError("train.teacher: a recipe has soft_labels, so a teacher must be named")
    return TrainingSettings(
        grid=tree.train,
        largest_ratio=max(tree.train.ratios or [tree.ratio_of(dataset)]),
        architectures={name: tree.architectures[name] for name in tree.train.architectures},
        recipes=dict.fromkeys(tree.train.architectures, recipes),
        teacher=_reference(tree, dataset, teacher) if soft and teacher else None,
        changes=dict(changes),
    )


def _recipe(tree: Tree, dataset: str, name: str) -> Recipe:
    """A recipe as the dataset changes it."""
    own = tree.dataset_specs[dataset].overrides.get("recipes", {})
    place = f"dataset_specs.{dataset}.overrides.recipes"
    check_known(place, own, tree.recipes)
    return overridden(f"{place}.{name}", tree.recipes[name], own.get(name, {}))


def _check_weights(tree: Tree, place: str, recipe: Recipe) -> None:
    weightless = [name for name in tree.train.architectures if tree.architectures[name].pretrained is None]
    if recipe.pretrained and weightless:
        raise ValueError(
            f"{place} begins from pre-trained weights, but architectures.{weightless[0]} names none: give it "
            "`pretrained`, or leave the recipe out"
        )
