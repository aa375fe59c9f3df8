"""Every parameter of the project, typed: what is unknown or impossible is refused before any work starts."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from guided_imagination.errors import InputError
from guided_imagination.pretraining.settings import PretrainConfig

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
CriterionName = Literal["consistency", "entropy", "diversity"]


class Strict(BaseModel):
    """Frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Criteria(Strict):
    """One way to score a variant (conf/base/parameters_expand.yml, `criteria_sets`)."""

    hold: Literal["prediction", "label"]
    weights: dict[CriterionName, float] = Field(min_length=1)
    logit_scale: Positive
    temperature: Positive
    straight_through: bool
    steps: int | None = Field(None, ge=0)
    step_size: Positive | None = None


class Guidance(Strict):
    """What `imagine` needs: the ball, the ascent and the score."""

    eps: NonNegative
    steps: int = Field(ge=0)
    step_size: NonNegative
    criteria: Criteria


class MaeConfig(Strict):
    kind: Literal["mae"]
    model: str
    decoding: Literal["full", "residual"]


class UnclipConfig(Strict):
    kind: Literal["unclip"]
    model: str
    image_size: Count
    inference_steps: Count
    guidance_scale: NonNegative


class ExpandConfig(Strict):
    """Parameters of `expand_mae` and `expand_dalle`."""

    generator: Annotated[MaeConfig | UnclipConfig, Field(discriminator="kind")]
    clip: str
    eps: NonNegative
    criteria: str
    steps: int = Field(ge=0)
    step_size: NonNegative
    redraws: int = Field(ge=0)
    rejected: Literal["drop", "keep"]
    seeds_per_shard: Count
    seeds_per_batch: Count

    def guidance(self, criteria: Criteria, guided: bool) -> Guidance:
        """The ascent's settings; a criteria set may fix steps and step size, unguided means zero steps."""
        steps = self.steps if criteria.steps is None else criteria.steps
        step_size = self.step_size if criteria.step_size is None else criteria.step_size
        return Guidance(eps=self.eps, steps=steps if guided else 0, step_size=step_size, criteria=criteria)


class CutoutConfig(Strict):
    length: Share


class GridMaskConfig(Strict):
    period: tuple[Share, Share]
    keep: Share


class RandAugmentConfig(Strict):
    policy: str


class AugmentConfig(Strict):
    """Parameters of `augment_baselines`: one entry per row."""

    cutout: CutoutConfig
    gridmask: GridMaskConfig
    randaugment: RandAugmentConfig


class DatasetSpec(Strict):
    """Where a dataset's images are and how it is split."""

    train: str
    test: str
    resolution: Count
    templates: list[str] = Field(min_length=1)
    seeds_per_class: Count | None = None
    validation_per_class: int = Field(0, ge=0)


class Architecture(Strict):
    """A timm model by name, and the arguments it is created with."""

    model: str
    arguments: dict[str, Any] = {}
    dense_stem: list[Literal["convolution", "pooling"]] = []


class Recipe(Strict):
    """How a classifier is trained: `updates` (the same for every row) or `epochs` (the paper's way)."""

    updates: Count | None = None
    epochs: Count | None = None
    batch_size: Count
    optimizer: Literal["sgd", "adamw"]
    learning_rate: Positive
    weight_decay: NonNegative
    warmup: Share
    label_smoothing: Share
    rotation: NonNegative
    translation: Share
    flip: Share

    @model_validator(mode="after")
    def one_length(self) -> "Recipe":
        if (self.updates is None) == (self.epochs is None):
            raise ValueError("give either updates or epochs")
        return self


class TrainConfig(Strict):
    """The grid of training cells, and which split measures them."""

    architectures: list[str] = Field(min_length=1)
    recipe: str
    seeds: Count
    evaluate_on: Literal["test", "validation"]
    log_points: Count


class Method(Strict):
    """A row of the tables: which pipeline makes its images (none for the originals), guided or not."""

    pipeline: Literal["augment_baselines", "expand_mae", "expand_dalle"] | None = None
    guided: bool = False


class ReportConfig(Strict):
    contact_seeds: Count


class Parameters(Strict):
    """The whole parameter tree of the project."""

    data_dir: str | None = None
    models_dir: str
    datasets: list[str] = Field(min_length=1)
    dataset_specs: dict[str, DatasetSpec]
    methods: dict[str, Method]
    draw: int = Field(ge=0)
    ratio: Count
    seed: int = Field(ge=0)
    overwrite: bool
    criteria_sets: dict[str, Criteria]
    expand_mae: ExpandConfig
    expand_dalle: ExpandConfig
    augment_baselines: AugmentConfig
    train: TrainConfig
    recipes: dict[str, Recipe]
    architectures: dict[str, Architecture]
    report: ReportConfig
    pretrain: PretrainConfig

    @model_validator(mode="after")
    def names_exist(self) -> "Parameters":
        references: list[tuple[str, list[str], Mapping[str, object]]] = [
            ("datasets", self.datasets, self.dataset_specs),
            ("expand_mae.criteria", [self.expand_mae.criteria], self.criteria_sets),
            ("expand_dalle.criteria", [self.expand_dalle.criteria], self.criteria_sets),
            ("train.recipe", [self.train.recipe], self.recipes),
            ("methods", self.rows_of("augment_baselines"), AugmentConfig.model_fields),
            ("train.architectures", self.train.architectures, self.architectures),
        ]
        for place, names, known in references:
            for name in names:
                if name not in known:
                    raise ValueError(f"{place}: {name!r} is not known; allowed: {', '.join(known)}")
        for name, row in self.methods.items():
            if row.guided and row.pipeline not in ("expand_mae", "expand_dalle"):
                raise ValueError(f"methods.{name}.guided: only rows of expand_mae and expand_dalle can be guided")
        return self

    def rows_of(self, pipeline: str) -> list[str]:
        """The methods whose images `pipeline` makes."""
        return [method for method, row in self.methods.items() if row.pipeline == pipeline]


def check(raw: Mapping[str, Any]) -> Parameters:
    """Parameters from nested plain values.

    Raises InputError: one sentence with the place, the value, and what is allowed.
    """
    try:
        return Parameters.model_validate(dict(raw))
    except ValidationError as error:
        raise InputError("; ".join(_sentence(item) for item in error.errors(include_url=False)[:3])) from error


def _sentence(error: Mapping[str, Any]) -> str:
    # pydantic puts the kind of a generator into the location; a user looks for the key in YAML
    place = ".".join(
        str(part) for before, part in zip(("", *error["loc"]), error["loc"], strict=False) if before != "generator"
    )
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        allowed = ", ".join(_fields_at(error["loc"][:-1]))
        return f"parameters: {place} is not a known key; allowed here: {allowed}"
    if error["type"] == "missing":
        return f"parameters: {place} is missing"
    if not place:
        return f"parameters: {message}"
    return f"parameters: {place} = {error['input']!r}: {message[0].lower()}{message[1:]}"


def _fields_at(path: tuple[Any, ...]) -> list[str]:
    """The keys that a model at `path` of the parameter tree takes."""
    schema: dict[str, Any] = Parameters.model_json_schema()
    node = schema

    def resolve(node: dict[str, Any]) -> dict[str, Any]:
        return schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node

    for part in path:
        if "discriminator" in node:
            node = resolve({"$ref": node["discriminator"]["mapping"][part]})
            continue
        node = resolve(node)
        node = node.get("properties", {}).get(part) or node.get("additionalProperties") or node.get("items") or {}
    return list(resolve(node).get("properties", {}))
