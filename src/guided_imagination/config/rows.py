"""What one node is told: every name looked up, every override applied, nothing left to decide."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, ValidationError

from guided_imagination.config.augmentation import CutoutConfig, GridMaskConfig, RandAugmentConfig
from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.config.defaults import embedded
from guided_imagination.config.expansion import AuditConfig, Expander, ExpandPipeline, ImageFileConfig
from guided_imagination.config.models import ComputeConfig, GuideConfig, HeadChoice, PretrainedModel, WorkersConfig
from guided_imagination.config.strict import Strict, problem
from guided_imagination.config.training import Architecture, Recipe, TrainConfig, TuneConfig
from guided_imagination.utils.errors import InputError

ORIGINALS = 0  # the ratio of a row without new images


def hub_folder(models_dir: str) -> Path:
    """Where models may be put by hand, as org/name."""
    return Path(models_dir) / "hub"


def place_of(dataset: str, draw: int) -> str:
    """The namespace and the folders of one draw of the seeds of a dataset; draw 0 goes by the dataset's name alone."""
    return f"{dataset}_draw{draw}" if draw else dataset


class Shared(Strict):
    """What all nodes of a dataset have in common; `models_dir` holds models, adapted generators and trained cells.

    `draw` tells which seeds and validation images are drawn from the dataset's pool.
    """

    dataset: str
    draw: int = 0
    spec: DatasetSpec
    seed: int
    compute: ComputeConfig
    models_dir: str

    @property
    def place(self) -> str:
        return place_of(self.dataset, self.draw)

    @property
    def hub(self) -> Path:
        return hub_folder(self.models_dir)


class Audited(Shared):
    """What is audited, and by which guide."""

    audit: AuditConfig
    audit_guide: GuideConfig


class EncoderHead(Strict):
    """An encoder, the name of its preset, and the head by which it classifies."""

    name: str
    guide: GuideConfig
    head: HeadChoice


class TrainingSettings(Strict):
    """The grid of cells, with the architectures that it names and the recipe of each, by architecture and name.

    `largest_ratio` is that of the dataset's largest row, whose images set the length of all rows' trainings; `teacher`
    is there where a recipe has soft labels. `changes` are what a row changes in recipes itself: they are in `recipes`.
    """

    grid: TrainConfig
    largest_ratio: int
    architectures: dict[str, Architecture]
    recipes: dict[str, dict[str, Recipe]]
    teacher: EncoderHead | None = None
    changes: dict[str, Any] = Field({})

    def tuned(self, chosen: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Self:
        """With the values that `tune` has chosen, by architecture and recipe; what it does not name stays as it is,
        and what the row itself asks for."""
        recipes = {
            architecture: {
                name: recipe.overridden(chosen.get(architecture, {}).get(name, {})).overridden(self.changes)
                for name, recipe in own.items()
            }
            for architecture, own in self.recipes.items()
        }
        return self.model_copy(update={"recipes": recipes})

    @property
    def models(self) -> list[PretrainedModel]:
        """What training loads: what networks begin from, and the teacher."""
        recipes = [recipe for own in self.recipes.values() for recipe in own.values()]
        return [*_begun(self.architectures, recipes), *([self.teacher.guide] if self.teacher else [])]


def _begun(architectures: Mapping[str, Architecture], recipes: Iterable[Recipe]) -> list[PretrainedModel]:
    """What networks begin from, if one of the recipes asks for it."""
    if not any(recipe.pretrained for recipe in recipes):
        return []
    return [architecture.pretrained for architecture in architectures.values() if architecture.pretrained]


class DatasetSettings(Audited):
    """Of a dataset as a whole: how it is drawn, tuned, and what its references are."""

    training: TrainingSettings
    tune: TuneConfig
    tune_recipe: Recipe
    references: dict[str, EncoderHead] = Field({})

    @property
    def searched_models(self) -> list[PretrainedModel]:
        """What the search loads."""
        return _begun(self.training.architectures, [self.tune_recipe])


class AdaptSettings(Shared):
    """Of the generator that a pipeline fine-tunes on the seeds of a dataset."""

    pipeline: ExpandPipeline
    expander: Expander


class ExpansionSettings(Shared):
    """All that shapes the images of one row; without new images, `ratio` is ORIGINALS, expander and augmentation None.

    `filtered_by` has the guide and the checks that an augmentation's images have to pass; `adapt` is how the generator
    is fine-tuned on the seeds first.
    """

    method: str
    guided: bool
    ratio: int
    overwrite: bool = False
    image_files: ImageFileConfig
    expander: Expander | None
    augmentation: CutoutConfig | GridMaskConfig | RandAugmentConfig | None
    filtered_by: Expander | None = None
    adapt: AdaptSettings | None = None

    @property
    def makers(self) -> list[PretrainedModel]:
        """What making its images loads."""
        guides = [self.filtered_by.guide] if self.filtered_by else []
        return [*self.expander.models, *guides] if self.expander else [*guides]

    # sums round by the threads of a worker, not by the number of workers
    _UNSHAPING: ClassVar[dict[str, Any]] = {
        "spec": {"weed", "overrides", "licence"},
        "compute": {"workers": set(WorkersConfig.model_fields) - {"cpus"}},
    }

    def recorded(self) -> dict[str, Any]:
        """In plain values, from which `of_record` reads them on any machine: files of the package are written as in
        conf/base, wherever the package lies."""
        left_out = {**self._UNSHAPING, "overwrite": True, "adapt": self._UNSHAPING}
        plain = self.model_dump(mode="json", include=set(ExpansionSettings.model_fields), exclude=left_out)
        return json.loads(_PACKAGED.sub(r'"${embedded:\1}"', json.dumps(plain)))

    @staticmethod
    def of_record(record: Mapping[str, Any]) -> "ExpansionSettings":
        """Raises InputError for what another version has recorded."""
        text = _REFERENCE.sub(lambda found: json.dumps(embedded(found[1])), json.dumps(record))
        try:
            return ExpansionSettings.model_validate_json(text)
        except ValidationError as error:
            first = problem(error.errors(include_url=False)[0], "")
            raise InputError(f"the recorded settings are not of this version ({first})") from error


_PACKAGED = re.compile(re.escape(json.dumps(embedded())[:-1]) + r'/([^"]*)"')
_REFERENCE = re.compile(r'"\$\{embedded:([^"}]*)\}"')


class RowSettings(ExpansionSettings, Audited):
    """Of one row of one dataset: its images, their audit, and the trainings on them."""

    training: TrainingSettings

    @property
    def models(self) -> list[PretrainedModel]:
        """All that this row loads: to make images, to audit them, to train on them."""
        return [*self.makers, self.audit_guide, *self.training.models]
