"""Typed settings of what makes new images: criteria, models, expansions, adaptation, baselines."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar

from pydantic import Field, model_validator

from guided_imagination.config.models import GeneratorConfig, GuideConfig
from guided_imagination.config.strict import Cosine, Count, NonNegative, Positive, Share, Strict

T = TypeVar("T")
ExpandPipeline = Literal["expand_mae", "expand_dalle", "expand_sd"]
AUGMENT: Final = "augment_baselines"
CriterionName = Literal["consistency", "entropy", "diversity"]
# the least and the greatest value of a criterion for a number of classes
CRITERION_RANGES: dict[CriterionName, Callable[[int], tuple[float, float]]] = {
    "consistency": lambda classes: (0, 1),
    "entropy": lambda classes: (-math.log(classes), math.log(classes)),
    "diversity": lambda classes: (0, math.inf),
}


class Criteria(Strict):
    """One way to score a variant (conf/base/parameters_expand.yml, `criteria_sets`)."""

    hold: Literal["prediction", "label"]
    weights: dict[CriterionName, float] = Field(min_length=1)
    logit_scale: Positive
    temperature: Positive
    straight_through: bool
    steps: int | None = Field(None, ge=0)
    step_size: Positive | None = None


class ManifoldConfig(Strict):
    """A Gaussian per class around its seeds (imagination.manifold): `tau` times the deviation of the data itself.

    `within` of the covariance are the class's own, the rest that of all classes; `shrink` pulls seeds to their mean.
    """

    tau: NonNegative
    within: Share
    shrink: Share


class SelectionConfig(Strict):
    """Which of `candidates` per variant are kept: by confidence^exponent times the distance to what is there already.

    The confidence is CLIP's at `logit_scale`: a low one tells sure from very sure. Distances count up to about
    `bandwidth`; `by` says whether to the nearest (greedy) or to all at once (dpp).
    """

    candidates: Count
    logit_scale: Positive
    exponent: NonNegative
    bandwidth: Positive
    by: Literal["greedy", "dpp"]


class Guidance(Strict):
    """How a variant's feature is found: the perturbation, the ascent, and the selection among candidates.

    A sign step in the ball is `step_size` for every component; on the manifold a step is so much of the feature's
    length.
    """

    perturbation: Literal["ball", "manifold"] = "ball"
    eps: NonNegative
    manifold: ManifoldConfig | None = None
    steps: int = Field(ge=0)
    step_size: NonNegative
    selection: SelectionConfig | None = None
    criteria: Criteria

    @property
    def planned(self) -> bool:
        """Whether all features are made before the first decode, class by class (expansion.targets)."""
        return self.perturbation == "manifold" or self.selection is not None


class AdaptConfig(Strict):
    """Fine-tuning of a generator on the seeds before it expands them, as DreamBooth does for the paper's medical sets.

    All weights of a MAE, or an adapter of `rank` on a UNet's attention (LoRA), by AdamW with a tenth of warm-up and
    cosine decay. Usual rates are 1e-4 for both; the paper's 400 steps are a fair start.
    """

    steps: Count
    batch_size: Count
    learning_rate: Positive
    rank: Count = 8


class RejectConfig(Strict):
    """When a variant is refused, by what the guide sees in its stored pixels; null or false turns a check off.

    `other_class`: the guide's prediction is not the label. `min_label_probability`: of the label, with
    the `logit_scale` of the criteria. `max_seed_similarity`: CLIP cosine of variant and seed, in [-1, 1].
    """

    other_class: bool = True
    min_label_probability: Share | None = None
    max_seed_similarity: Cosine | None = None

    @property
    def refuses(self) -> bool:
        """Whether anything is checked."""
        return self.other_class or self.min_label_probability is not None or self.max_seed_similarity is not None


NOTHING_REFUSED = RejectConfig(other_class=False)


class ExpandConfig(Strict):
    """Parameters of `expand_mae`, `expand_dalle` and `expand_sd`; generator and guide are names of presets.

    Where features are planned (Guidance.planned), each seed has `reserve` spare ones for variants that are refused.
    A guide that agrees with the seeds' labels less than `least_kappa` (Cohen's kappa) neither guides nor refuses.
    """

    generator: str
    guide: str
    adapt: AdaptConfig | None = None
    perturbation: Literal["ball", "manifold"] = "ball"
    eps: NonNegative
    manifold: ManifoldConfig | None = None
    criteria: str
    steps: int = Field(ge=0)
    step_size: NonNegative
    selection: SelectionConfig | None = None
    reserve: int = Field(0, ge=0)
    redraws: int = Field(ge=0)
    reject: RejectConfig = RejectConfig()
    least_kappa: Share | None = None
    rejected: Literal["drop", "keep"]
    seeds_per_shard: Count
    seeds_per_batch: Count
    images_per_batch: Count

    @model_validator(mode="after")
    def manifold_has_settings(self) -> "ExpandConfig":
        if self.perturbation == "manifold" and self.manifold is None:
            raise ValueError("perturbation: manifold needs the settings of `manifold`: tau, within, shrink")
        return self

    def guidance(self, criteria: Criteria, guided: bool) -> Guidance:
        """The settings of imagination; a criteria set may fix steps and step size.

        Unguided means no ascent and no selection.
        """
        steps = self.steps if criteria.steps is None else criteria.steps
        return Guidance(
            perturbation=self.perturbation,
            eps=self.eps,
            manifold=self.manifold if self.perturbation == "manifold" else None,
            steps=steps if guided else 0,
            step_size=self.step_size if criteria.step_size is None else criteria.step_size,
            selection=self.selection if guided else None,
            criteria=criteria,
        )


class Expander(Strict):
    """What one pipeline does with one dataset: names looked up, the dataset's overrides applied."""

    config: ExpandConfig
    generator: GeneratorConfig
    guide: GuideConfig
    criteria: Criteria

    @classmethod
    def of(
        cls,
        pipeline: ExpandPipeline,
        config: ExpandConfig,
        generators: Mapping[str, GeneratorConfig],
        guides: Mapping[str, GuideConfig],
        criteria_sets: Mapping[str, Criteria],
        *overrides: Mapping[str, Mapping[str, Any]],
    ) -> "Expander":
        """Overrides, by section, apply in their order. Raises ValueError for an unknown name or a wrong override."""
        for changes in overrides:
            config = config.overridden(changes.get(pipeline, {}))
        generator = _named(generators, config.generator, f"{pipeline}.generator")
        for changes in overrides:
            generator = generator.overridden(changes.get("generators", {}).get(config.generator, {}))
        if not generator.embeds and (config.perturbation != "ball" or config.selection is not None):
            raise ValueError(
                f"{pipeline}: {config.generator!r} decodes no CLIP embeddings; "
                "allowed: perturbation ball, selection null"
            )
        return cls(
            config=config,
            generator=generator,
            guide=_named(guides, config.guide, f"{pipeline}.guide"),
            criteria=_named(criteria_sets, config.criteria, f"{pipeline}.criteria"),
        )


def _named(presets: Mapping[str, T], name: str, place: str) -> T:
    if name not in presets:
        raise ValueError(f"{place}: {name!r} is not known; allowed: {', '.join(presets)}")
    return presets[name]


class ImageFileConfig(Strict):
    """How new images are stored; `quality` is for the lossy formats."""

    format: Literal["png", "webp", "jpeg"]
    quality: int = Field(ge=1, le=100)


class CutoutConfig(Strict):
    kind: Literal["cutout"] = "cutout"
    length: Share


class GridMaskConfig(Strict):
    kind: Literal["gridmask"] = "gridmask"
    period: tuple[Share, Share]
    keep: Share


class RandAugmentConfig(Strict):
    kind: Literal["randaugment"] = "randaugment"
    policy: str


class AugmentConfig(Strict):
    """Parameters of `augment_baselines`: one entry per augmentation."""

    cutout: CutoutConfig
    gridmask: GridMaskConfig
    randaugment: RandAugmentConfig


class AuditConfig(Strict):
    """How expansions are audited: by which guide, and from which cosine on an image nearly is one of the seeds.

    At most `images` new and as many validation images are looked at, from all over them.
    """

    guide: str
    logit_scale: Positive
    near_duplicate: Cosine
    images: Count
    images_per_batch: Count


class ExportConfig(Strict):
    """Which expansions are exported (null: the guided ones), in which forms, with or without test images.

    `licences` are those of datasets and generators by name or model id, as the Hugging Face hub writes them.
    """

    folder: str
    methods: list[str] | None
    formats: list[Literal["imagefolder", "huggingface"]] = Field(min_length=1)
    test: bool
    licences: dict[str, str]
