"""Typed settings of what makes new images: criteria, models, expansions, adaptation, baselines."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

from pydantic import Field

from guided_imagination.config.models import GeneratorConfig, GuideConfig
from guided_imagination.config.strict import Cosine, Count, NonNegative, Positive, Share, Strict

T = TypeVar("T")
ExpandPipeline = Literal["expand_mae", "expand_dalle", "expand_sd"]
AUGMENT: Final = "augment_baselines"
CriterionName = Literal["consistency", "entropy", "diversity"]


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
    """When a variant is refused, by what the guide sees in its stored pixels; null turns a check off.

    `other_class`: the guide's prediction is not the label. `min_label_probability`: of the label, with
    the `logit_scale` of the criteria. `max_seed_similarity`: CLIP cosine of variant and seed, in [-1, 1].
    """

    other_class: bool = True
    min_label_probability: Share | None = None
    max_seed_similarity: Cosine | None = None


class ExpandConfig(Strict):
    """Parameters of `expand_mae`, `expand_dalle` and `expand_sd`; generator and guide are names of presets."""

    generator: str
    guide: str
    adapt: AdaptConfig | None = None
    eps: NonNegative
    criteria: str
    steps: int = Field(ge=0)
    step_size: NonNegative
    redraws: int = Field(ge=0)
    reject: RejectConfig = RejectConfig()
    rejected: Literal["drop", "keep"]
    seeds_per_shard: Count
    seeds_per_batch: Count
    images_per_batch: Count

    def guidance(self, criteria: Criteria, guided: bool) -> Guidance:
        """The ascent's settings; a criteria set may fix steps and step size, unguided means zero steps."""
        steps = self.steps if criteria.steps is None else criteria.steps
        step_size = self.step_size if criteria.step_size is None else criteria.step_size
        return Guidance(eps=self.eps, steps=steps if guided else 0, step_size=step_size, criteria=criteria)


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
