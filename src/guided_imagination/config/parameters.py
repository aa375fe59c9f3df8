"""The whole parameter tree, checked: every name in it is known, and the settings of every row can be resolved."""

import re
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, cast, get_args

from pydantic import model_validator

from guided_imagination.config import resolution
from guided_imagination.config.augmentation import AUGMENT, AugmentConfig
from guided_imagination.config.expansion import Expander, ExpandPipeline
from guided_imagination.config.resolution import changed_expander, check_known, overridden
from guided_imagination.config.rows import AdaptSettings, DatasetSettings, RowSettings, Shared
from guided_imagination.config.tree import Tree

# their folders under data/06_models and 08_reporting, or their namespaces, are taken
RESERVED_DATASETS = ("report", "pretrain", "hub")
RESERVED_METHODS = ("tune", *get_args(ExpandPipeline))


class Parameters(Tree):
    """The whole parameter tree of the project, checked."""

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
                check_known("report.compare", pair if isinstance(pair, list | tuple) else [], methods)
        return raw

    @model_validator(mode="after")
    def names_are_usable(self) -> "Parameters":
        _check_names("dataset_specs", self.dataset_specs, RESERVED_DATASETS)
        _check_names("methods", self.methods, (*RESERVED_METHODS, *self.train.references))
        _check_names("train.references", self.train.references, RESERVED_METHODS)
        return self

    @model_validator(mode="after")
    def names_exist(self) -> "Parameters":
        references: list[tuple[str, list[str], Collection[str]]] = [
            ("datasets", self.datasets, self.dataset_specs),
            ("train.recipes", self.train.recipes, self.recipes),
            ("tune.recipe", [self.tune.recipe], self.recipes),
            ("train.guide", [self.train.guide] if self.train.guide else [], self.guides),
            ("train.teacher", [self.train.teacher] if self.train.teacher else [], self.train.references),
            ("methods", list(map(self.augmentation_of, self.rows_of(AUGMENT))), AugmentConfig.model_fields),
            ("train.architectures", self.train.architectures, self.architectures),
            ("audit.guide", [self.audit.guide], self.guides),
            ("export.methods", self.export.methods or [], self.expanded()),
            ("report.weed_methods", self.report.weed_methods or [], self.expanded()),
        ]
        for place, names, known in references:
            check_known(place, names, known)
        for name, row in self.methods.items():
            if (row.guided or row.settings) and row.pipeline not in get_args(ExpandPipeline):
                pipelines = ", ".join(get_args(ExpandPipeline))
                raise ValueError(f"methods.{name}: only rows of {pipelines} can be guided or have settings")
            if (row.augmentation or row.filtered_by) and row.pipeline != AUGMENT:
                raise ValueError(f"methods.{name}: only rows of {AUGMENT} have an augmentation or are filtered_by")
            for recipe in self.train.recipes:
                overridden(f"methods.{name}.recipe", self.recipes[recipe], row.recipe)
        if self.train.tuned and self.tune.recipe not in self.train.recipes:
            raise ValueError(
                f"tune.recipe: {self.tune.recipe!r} is not in train.recipes, so that train.tuned would change nothing"
            )
        self._check_ratios()
        self._check_repositories()
        for dataset in self.datasets:
            for pipeline in get_args(ExpandPipeline):
                self.expander(dataset, pipeline)
        for name, preset in self.presets.items():
            for pipeline, changes in preset.pipelines.items():
                changed_expander(self, f"presets.{name}.pipelines", pipeline, {pipeline: changes})
        self.settings  # noqa: B018  # raises for what cannot be resolved
        return self

    def _check_ratios(self) -> None:
        for dataset in self.datasets:
            made = self.ratio_of(dataset)
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

    @cached_property
    def settings(self) -> dict[str, Shared]:
        """What the nodes are told, by the namespace they stand in."""
        return resolution.resolve(self)

    def dataset(self, place: str) -> DatasetSettings:
        """The settings of one draw of a dataset."""
        return cast(DatasetSettings, self.settings[place])

    def row(self, place: str, method: str) -> RowSettings:
        """The settings of a row: names looked up, overrides applied, ratio decided."""
        return cast(RowSettings, self.settings[f"{place}.{method}"])

    def adaptation(self, place: str, pipeline: ExpandPipeline) -> AdaptSettings:
        """The settings of a fine-tuning, where `pipeline` has one."""
        return cast(AdaptSettings, self.settings[f"{place}.{pipeline}"])

    def adapts(self, place: str, pipeline: ExpandPipeline) -> bool:
        """Whether `pipeline` fine-tunes its generator on the seeds of `place` first."""
        return resolution.adapts(self, place, pipeline)

    def expander(self, dataset: str, pipeline: ExpandPipeline, method: str | None = None) -> Expander:
        """The settings of `pipeline` for `dataset`, and a row of it. Raises ValueError for an unknown name or key."""
        return resolution.expander(self, dataset, pipeline, method)


def _check_names(place: str, names: Collection[str], reserved: Collection[str]) -> None:
    """Raise ValueError for a name that cannot be a namespace, a file name and a part of the catalog's names."""
    for name in names:
        if not re.fullmatch(r"[\w-]+", name):
            raise ValueError(f"{place}: {name!r} is not a valid name; allowed: letters, digits, _ and -")
        if re.search(r"_draw\d+$", name):
            raise ValueError(f"{place}: {name!r} ends like the name of a draw: choose another name")
        if name in reserved:
            raise ValueError(f"{place}: {name!r} is reserved, as are {', '.join(reserved)}")
