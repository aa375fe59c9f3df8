"""The whole parameter tree, and what every node is told of it."""

import re
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, Literal, cast, get_args

from pydantic import Field, ValidationError, model_validator

from guided_imagination.config.augmentation import AUGMENT, AugmentConfig
from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.config.expansion import (
    AuditConfig,
    ExpandConfig,
    Expander,
    ExpandPipeline,
    ExportConfig,
    ImageFileConfig,
    Preset,
)
from guided_imagination.config.guidance import Criteria
from guided_imagination.config.methods import Methods
from guided_imagination.config.models import ComputeConfig, GeneratorConfig, GuideConfig
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.config.report import PlanConfig, ReportConfig
from guided_imagination.config.rows import (
    ORIGINALS,
    AdaptSettings,
    DatasetSettings,
    RowSettings,
    Shared,
    TrainingSettings,
    place_of,
)
from guided_imagination.config.strict import Count, Names, Numbers, Strict
from guided_imagination.config.training import Architecture, Recipe, TrainConfig, TuneConfig


class Parameters(Strict):
    """The whole parameter tree of the project."""

    data_dir: str | None = None
    models_dir: str
    raw_dir: str
    datasets: Names
    dataset_specs: dict[str, DatasetSpec]
    methods: Methods
    draws: Numbers
    ratio: Count | None
    seed: int = Field(ge=0)
    overwrite: bool
    image_files: ImageFileConfig
    compute: ComputeConfig
    generators: dict[str, GeneratorConfig]
    guides: dict[str, GuideConfig]
    criteria_sets: dict[str, Criteria]
    presets: dict[str, Preset] = Field({})
    expand_mae: ExpandConfig
    expand_dalle: ExpandConfig
    expand_sd: ExpandConfig
    augment_baselines: AugmentConfig
    train: TrainConfig
    tune: TuneConfig
    recipes: dict[str, Recipe]
    architectures: dict[str, Architecture]
    audit: AuditConfig
    report: ReportConfig
    export: ExportConfig
    pretrain: PretrainConfig
    plan: PlanConfig

    @model_validator(mode="before")
    @classmethod
    def _check_compare(cls, raw: Any) -> Any:
        """Pairs name rows of `methods`; one that an environment leaves out by null is known, its pairs are not shown.

        Hence before validation, which drops such rows.
        """
        methods, report = (
            (raw.get(name) for name in ("methods", "report")) if isinstance(raw, Mapping) else (None, None)
        )
        if isinstance(methods, Mapping) and isinstance(report, Mapping):
            for pair in report.get("compare") or []:
                for name in pair if isinstance(pair, list | tuple) else []:
                    if name not in methods:
                        raise ValueError(f"report.compare: {name!r} is not known; allowed: {', '.join(methods)}")
        return raw

    @model_validator(mode="after")
    def names_are_usable(self) -> "Parameters":
        _check_names("dataset_specs", self.dataset_specs, RESERVED_DATASETS)
        _check_names("methods", self.methods, RESERVED_METHODS)
        return self

    @model_validator(mode="after")
    def names_exist(self) -> "Parameters":
        references: list[tuple[str, list[str], Collection[str]]] = [
            ("datasets", self.datasets, self.dataset_specs),
            ("train.recipes", self.train.recipes, self.recipes),
            ("tune.recipe", [self.tune.recipe], self.recipes),
            ("train.zero_shot", [self.train.zero_shot] if self.train.zero_shot else [], self.guides),
            ("train.teacher", [self.train.teacher] if self.train.teacher else [], self.guides),
            ("methods", list(map(self._augmentation, self.rows_of(AUGMENT))), AugmentConfig.model_fields),
            ("train.architectures", self.train.architectures, self.architectures),
            ("audit.guide", [self.audit.guide], self.guides),
            ("export.methods", self.export.methods or [], self.expanded()),
            ("report.weed_methods", self.report.weed_methods or [], self.expanded()),
        ]
        for place, names, known in references:
            _check_known(place, names, known)
        for name, row in self.methods.items():
            if (row.guided or row.settings) and row.pipeline not in get_args(ExpandPipeline):
                pipelines = ", ".join(get_args(ExpandPipeline))
                raise ValueError(f"methods.{name}: only rows of {pipelines} can be guided or have settings")
            if (row.augmentation or row.filtered_by) and row.pipeline != AUGMENT:
                raise ValueError(f"methods.{name}: only rows of {AUGMENT} have an augmentation or are filtered_by")
            for recipe in self.train.recipes:
                _overridden(f"methods.{name}.recipe", self.recipes[recipe], row.recipe)
        self._check_tune()
        self._check_ratios()
        self._check_repositories()
        for dataset in self.datasets:
            for pipeline in get_args(ExpandPipeline):
                self.expander(dataset, pipeline)
        for name, preset in self.presets.items():
            for pipeline, changes in preset.pipelines.items():
                self._expander(pipeline, f"presets.{name}.pipelines", {pipeline: changes})
        self.settings  # noqa: B018  # raises for what cannot be resolved
        return self

    def _check_tune(self) -> None:
        """Raises ValueError for a search that `train.tuned` would not use."""
        name = self.tune.recipe
        if self.train.tuned and name not in self.train.recipes:
            raise ValueError(f"tune.recipe: {name!r} is not in train.recipes, so that train.tuned would change nothing")

    def _check_ratios(self) -> None:
        for dataset in self.datasets:
            made = self._ratio(dataset)
            if max(self.train.ratios or [made]) > made:
                raise ValueError(
                    f"train.ratios: an expansion of {dataset} has {made} variants of each seed, so {made} is the most"
                )

    def _check_repositories(self) -> None:
        """A repository holds one expansion: the next would take its place."""
        rows = [(place, method) for place in self.places for method in self.exported()]
        if self.export.push_to_hub and len({self.export.repository(*row) for row in rows}) < len(rows):
            raise ValueError(
                f"export.push_to_hub: {self.export.push_to_hub} would be the repository of {len(rows)} expansions "
                f"({', '.join(map('.'.join, rows))}): choose one by export.methods, datasets and draws, or put "
                "{dataset} and {method} into the name"
            )

    def _augmentation(self, method: str) -> str:
        return self.methods[method].augmentation or method

    def rows_of(self, pipeline: str) -> list[str]:
        """The methods whose images `pipeline` makes."""
        return [method for method, row in self.methods.items() if row.pipeline == pipeline]

    def expanded(self) -> list[str]:
        """The methods that make images."""
        return [method for method, row in self.methods.items() if row.pipeline is not None]

    def exported(self) -> list[str]:
        """The methods whose images `export` writes."""
        return self._guided_or(self.export.methods)

    def looked_at(self) -> list[str]:
        """The methods whose images the report's page shows one by one."""
        return self._guided_or(self.report.weed_methods) if self.report.weed_images else []

    def _guided_or(self, methods: list[str] | None) -> list[str]:
        return [method for method, row in self.methods.items() if row.guided] if methods is None else methods

    @property
    def places(self) -> dict[str, tuple[str, int]]:
        """Dataset and draw of every namespace: one for each draw of each dataset."""
        return {place_of(dataset, draw): (dataset, draw) for dataset in self.datasets for draw in self.draws}

    def adapts(self, place: str, pipeline: ExpandPipeline) -> bool:
        """Whether `pipeline` fine-tunes its generator on the seeds of `place` first."""
        dataset, _ = self.places[place]
        return bool(self.rows_of(pipeline)) and self.expander(dataset, pipeline).config.adapt is not None

    @cached_property
    def settings(self) -> dict[str, Shared]:
        """What the nodes are told, by the namespace they stand in."""
        found: dict[str, Shared] = {}
        for place in self.places:
            found[place] = self._dataset(place)
            found |= {f"{place}.{method}": self._row(place, method) for method in self.methods}
            found |= {
                f"{place}.{pipeline}": self._adaptation(place, pipeline)
                for pipeline in get_args(ExpandPipeline)
                if self.adapts(place, pipeline)
            }
        return found

    def dataset(self, place: str) -> DatasetSettings:
        """The settings of one draw of a dataset."""
        return cast(DatasetSettings, self.settings[place])

    def row(self, place: str, method: str) -> RowSettings:
        """The settings of a row: names looked up, overrides applied, ratio decided."""
        return cast(RowSettings, self.settings[f"{place}.{method}"])

    def adaptation(self, place: str, pipeline: ExpandPipeline) -> AdaptSettings:
        """The settings of a fine-tuning, where `pipeline` has one."""
        return cast(AdaptSettings, self.settings[f"{place}.{pipeline}"])

    def _dataset(self, place: str) -> DatasetSettings:
        dataset, _ = self.places[place]
        searched = self._recipe(dataset, self.tune.recipe)
        self._check_weights(f"tune.recipe: {self.tune.recipe!r}", searched)
        if searched.soft_labels:
            raise ValueError(f"tune.recipe: {self.tune.recipe!r} has soft labels, for which the search has no teacher")
        return DatasetSettings(
            **self._shared(place),
            **self._audit(dataset),
            training=self._training(dataset, {}),
            tune=self.tune,
            tune_recipe=searched,
            zero_shot=self._guide(dataset, "train", "zero_shot"),
        )

    def _adaptation(self, place: str, pipeline: ExpandPipeline) -> AdaptSettings:
        dataset, _ = self.places[place]
        return AdaptSettings(**self._shared(place), pipeline=pipeline, expander=self.expander(dataset, pipeline))

    def _row(self, place: str, method: str) -> RowSettings:
        dataset, _ = self.places[place]
        row = self.methods[method]
        imagined = row.pipeline if row.pipeline is not None and row.pipeline != AUGMENT else None
        return RowSettings(
            **self._shared(place),
            **self._audit(dataset),
            method=method,
            guided=row.guided,
            ratio=ORIGINALS if row.pipeline is None else self._ratio(dataset),
            overwrite=self.overwrite,
            image_files=self.image_files,
            expander=self.expander(dataset, imagined, method) if imagined else None,
            augmentation=getattr(self.augment_baselines, self._augmentation(method))
            if row.pipeline == AUGMENT
            else None,
            filtered_by=self.expander(dataset, row.filtered_by) if row.filtered_by else None,
            adapt=self._adaptation(place, imagined) if imagined and self.adapts(place, imagined) else None,
            training=self._training(dataset, row.recipe),
        )

    def _shared(self, place: str) -> dict[str, Any]:
        dataset, draw = self.places[place]
        spec = self.dataset_specs[dataset]
        own = {"dataset": dataset, "draw": draw, "spec": spec, "seed": self.seed, "compute": self.compute}
        return {**own, "models_dir": self.models_dir}

    def _audit(self, dataset: str) -> dict[str, Any]:
        return {"audit": self.audit, "audit_guide": self._guide(dataset, "audit", "guide")}

    def _guide(self, dataset: str, section: Literal["train", "audit"], key: str) -> GuideConfig | None:
        """The guide that `section`.`key` names, or the dataset instead. Raises ValueError for an unknown one."""
        own = self.dataset_specs[dataset].overrides.get(section, {})
        place = f"dataset_specs.{dataset}.overrides.{section}"
        _check_known(place, own, OWN_GUIDES[section])
        name = own.get(key, getattr(getattr(self, section), key))
        _check_known(f"{place}.{key}", [name] if name else [], self.guides)
        return self.guides[name] if name else None

    def _ratio(self, dataset: str) -> int:
        return self.ratio or self.dataset_specs[dataset].ratio

    def _training(self, dataset: str, changes: Mapping[str, Any]) -> TrainingSettings:
        recipes = {name: self._recipe(dataset, name).overridden(changes) for name in self.train.recipes}
        for recipe in recipes:
            self._check_weights(f"train.recipes: {recipe!r}", recipes[recipe])
        teacher = self._guide(dataset, "train", "teacher")
        soft = any(recipe.soft_labels for recipe in recipes.values())
        if soft and teacher is None:
            raise ValueError("train.teacher: a recipe has soft_labels, so a guide has to give them; none is named")
        return TrainingSettings(
            grid=self.train,
            largest_ratio=max(self.train.ratios or [self._ratio(dataset)]),
            architectures={name: self.architectures[name] for name in self.train.architectures},
            recipes=dict.fromkeys(self.train.architectures, recipes),
            teacher=teacher if soft else None,
            changes=dict(changes),
        )

    def _recipe(self, dataset: str, name: str) -> Recipe:
        """A recipe as the dataset changes it."""
        own = self.dataset_specs[dataset].overrides.get("recipes", {})
        place = f"dataset_specs.{dataset}.overrides.recipes"
        _check_known(place, own, self.recipes)
        return _overridden(f"{place}.{name}", self.recipes[name], own.get(name, {}))

    def _check_weights(self, place: str, recipe: Recipe) -> None:
        weightless = [name for name in self.train.architectures if self.architectures[name].pretrained is None]
        if recipe.pretrained and weightless:
            raise ValueError(
                f"{place} begins from pre-trained weights, but architectures.{weightless[0]} names none: give it "
                "`pretrained`, or leave the recipe out"
            )

    def expander(self, dataset: str, pipeline: ExpandPipeline, method: str | None = None) -> Expander:
        """The settings of `pipeline` for `dataset`, and a row of it. Raises ValueError for an unknown name or key."""
        changes = [self.dataset_specs[dataset].overrides]
        places = [f"dataset_specs.{dataset}.overrides"]
        if method is not None:
            changes.append({pipeline: self.methods[method].settings})
            places.append(f"methods.{method}.settings")
        return self._expander(pipeline, places[-1], *changes)

    def _expander(self, pipeline: ExpandPipeline, place: str, *changes: Mapping[str, Mapping[str, Any]]) -> Expander:
        try:
            return Expander.of(
                pipeline, getattr(self, pipeline), self.generators, self.guides, self.criteria_sets, *changes
            )
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in problem["loc"])
            raise ValueError(f"{place}: {key}: {problem['msg']}") from error


# what a dataset may override beside its pipelines: the guides that know its classes
OWN_GUIDES = {"train": ["zero_shot", "teacher"], "audit": ["guide"]}
# their folders under data/06_models and 08_reporting, or their namespaces, are taken
RESERVED_DATASETS = ("report", "pretrain", "hub")
RESERVED_METHODS = ("tune", "clip_zero_shot", *get_args(ExpandPipeline))


def _overridden(place: str, recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    try:
        return recipe.overridden(changes)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, (place, *first["loc"])))
        raise ValueError(f"{where}: {first['msg'].removeprefix('Value error, ')}") from None


def _check_known(place: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{place}: {name!r} is not known; allowed: {', '.join(known)}")


def _check_names(place: str, names: Collection[str], reserved: Collection[str]) -> None:
    """Raise ValueError for a name that cannot be a namespace, a file name and a part of the catalog's names."""
    for name in names:
        if not re.fullmatch(r"[\w-]+", name):
            raise ValueError(f"{place}: {name!r} is no usable name; allowed: letters, digits, _ and -")
        if re.search(r"_draw\d+$", name):
            raise ValueError(f"{place}: {name!r} ends like the name of a draw of the seeds: call it otherwise")
        if name in reserved:
            raise ValueError(f"{place}: {name!r} is taken by the project itself, as are {', '.join(reserved)}")
