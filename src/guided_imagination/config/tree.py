"""The parameter tree as conf declares it, and what follows from it without looking anything up."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from guided_imagination.config.augmentation import AugmentConfig
from guided_imagination.config.datasets import DatasetSpec
from guided_imagination.config.expansion import (
    AuditConfig,
    ExpandConfig,
    ExpandPipeline,
    ExportConfig,
    ImageFileConfig,
    Preset,
)
from guided_imagination.config.guidance import Criteria
from guided_imagination.config.models import ComputeConfig, GeneratorConfig, GuideConfig
from guided_imagination.config.pretraining import PretrainConfig
from guided_imagination.config.report import PlanConfig, ReportConfig
from guided_imagination.config.rows import place_of
from guided_imagination.config.strict import Count, Names, Numbers, Strict, without_nulls
from guided_imagination.config.training import Architecture, Recipe, TrainConfig, TuneConfig


class Method(Strict):
    """A method to compare: a row of the tables."""

    pipeline: Literal["augment_baselines", ExpandPipeline] | None = None
    """Pipeline that makes its images; null: none, it trains on the seed images alone."""
    guided: bool = False
    """Whether CLIP guides and filters; false: no ascent, no selection, no filter."""
    augmentation: str | None = None
    """Augmentation that `augment_baselines` applies; null: the one that the method is named after."""
    filtered_by: ExpandPipeline | None = None
    """Pipeline whose guide filters the images of an augmentation; null: no filter."""
    settings: dict[str, Any] = Field({})
    """Changes to the settings of its expand pipeline, for ablations."""
    recipe: dict[str, Any] = Field({})
    """Changes to the recipes that its classifiers are trained with."""


# an environment leaves a row of conf/base out by `methods: {cutout: null}`
Methods = Annotated[dict[str, Method], BeforeValidator(without_nulls)]


def changing_recipe(methods: Mapping[str, Method]) -> list[str]:
    """The rows that change their recipe themselves."""
    return [name for name, row in methods.items() if row.recipe]


class Tree(Strict):
    """All parameters of the project."""

    data_dir: str | None = None
    """Folder of everything that a run writes; null: `data`."""
    models_dir: str
    """Folder of pre-trained models, adapted generators and trained classifiers."""
    raw_dir: str
    """Folder of downloads; `ingest` fetches what is missing (cars: into the hub's own cache)."""
    datasets: Names
    """Names of the datasets of a run."""
    dataset_specs: dict[str, DatasetSpec]
    """Datasets by name."""
    methods: Methods
    """Methods by name, in the order of the tables; null leaves one out."""
    draws: Numbers
    """Resamples of the seed and validation images from a dataset's pool, such as 0-4; every method is run for each."""
    ratio: Count | None
    """Number of generated images per seed image, K in the paper; null: each dataset's own."""
    seed: int = Field(ge=0)
    """Random seed of the expansions."""
    overwrite: bool
    """true: replace an expansion that was made with other settings."""
    image_files: ImageFileConfig
    compute: ComputeConfig
    generators: dict[str, GeneratorConfig]
    """Presets of generators by name."""
    guides: dict[str, GuideConfig]
    """Presets of CLIP models by name."""
    criteria_sets: dict[str, Criteria]
    """Ways to score a variant, by name: S = sum of weight * criterion (section 4.2 of the paper)."""
    presets: dict[str, Preset] = Field({})
    """Models that go together, by name, for the Python API and `guided-imagination expand`."""
    expand_mae: ExpandConfig
    """Settings of GIF-MAE."""
    expand_dalle: ExpandConfig
    """Settings of GIF-DALLE."""
    expand_sd: ExpandConfig
    """Settings of GIF-SD; it has no embedded model."""
    augment_baselines: AugmentConfig
    train: TrainConfig
    tune: TuneConfig
    recipes: dict[str, Recipe]
    """Training recipes by name."""
    architectures: dict[str, Architecture]
    """timm models by name."""
    audit: AuditConfig
    report: ReportConfig
    export: ExportConfig
    pretrain: PretrainConfig
    plan: PlanConfig

    def augmentation_of(self, method: str) -> str:
        return self.methods[method].augmentation or method

    def ratio_of(self, dataset: str) -> int:
        return self.ratio or self.dataset_specs[dataset].ratio

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
