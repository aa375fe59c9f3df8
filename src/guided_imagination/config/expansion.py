"""Typed settings of expansions: what is refused, fine-tuned, stored, audited and exported; models that go together."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from guided_imagination.config.guidance import Criteria, Guidance, ManifoldConfig, SelectionConfig
from guided_imagination.config.models import GeneratorConfig, GuideConfig, PretrainedModel
from guided_imagination.config.strict import Cosine, Count, Names, NonNegative, Positive, Share, Strict

T = TypeVar("T")
ExpandPipeline = Literal["expand_mae", "expand_dalle", "expand_sd"]


class AdaptConfig(Strict):
    """Fine-tuning of a generator on the seeds before it expands them, as DreamBooth does for the paper's medical sets.

    Always all weights of a MAE. Of a diffusion pipeline `weights` are an adapter of `rank` on its UNet's attention
    (LoRA), or the whole: Stable Diffusion's UNet and text encoder, as the paper has it. By AdamW; `schedule` is a
    tenth of warm-up with cosine decay, or a constant rate. Usual values of `learning_rate` are 1e-4, and 2e-6 for the
    whole. The number of `steps`: the paper's 400 are a fair start. Each is on `batch_size` seeds.
    """

    weights: Literal["adapter", "whole"] = "adapter"
    schedule: Literal["cosine", "constant"] = "cosine"

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
    """Parameters of the pipelines that imagine.

    `generator` and `guide` are names of presets. `criteria` is that of a set of `criteria_sets`. `seeds_per_shard` is
    how many seeds share a file, what a killed run makes again. `seeds_per_batch` is how many are worked on at once.

    Where features are planned (Guidance.planned), each seed has `reserve` spare ones for variants that are refused.
    A guide that agrees with the seeds' labels less than `least_kappa` (Cohen's kappa) neither guides nor refuses.
    """

    generator: str
    guide: str
    adapt: AdaptConfig | None = None
    perturbation: Literal["ball", "manifold"] = "ball"
    eps: NonNegative
    noise: Positive = 1.0
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
            noise=self.noise,
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

    @property
    def models(self) -> list[PretrainedModel]:
        """What it loads."""
        return [self.generator, self.guide]

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
        if config.adapt and config.adapt.weights == "whole" and not generator.adapts_whole:
            raise ValueError(
                f"{pipeline}.adapt.weights: {config.generator!r} takes an adapter; whole is for Stable Diffusion"
            )
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


class Preset(Strict):
    """Models that go together (conf/base/parameters_presets.yml): changes to the pipelines that they are for.

    `resolution` is the side in pixels of the images that they make well. `pipelines` are changes to the settings of
    each.
    """

    resolution: Count
    pipelines: dict[ExpandPipeline, dict[str, Any]] = Field(min_length=1)


def _named(presets: Mapping[str, T], name: str, place: str) -> T:
    if name not in presets:
        raise ValueError(f"{place}: {name!r} is not known; allowed: {', '.join(presets)}")
    return presets[name]


class ImageFileConfig(Strict):
    """How new images are stored. `format` is that of the files. `quality` is for the lossy ones."""

    format: Literal["png", "webp", "jpeg"]
    quality: int = Field(ge=1, le=100)


class AuditConfig(Strict):
    """How expansions are audited: by which guide, and from which cosine on an image nearly is one of the seeds.

    At most `images` new and as many validation images are looked at, from all over them.
    """

    guide: str
    logit_scale: Positive
    near_duplicate: Cosine
    images: Count
    images_per_batch: Count


def _repository(name: str) -> str:
    """Raises ValueError unless the name, filled in, can be that of a repository (huggingface_hub.utils)."""
    try:
        filled = name.format(dataset="d", method="m")
    except (KeyError, IndexError, ValueError):
        filled = ""
    if not _REPOSITORY.fullmatch(filled) or any(part in filled for part in ("--", "..")) or filled.endswith(".git"):
        raise ValueError(
            "no name of a repository; allowed: ORG/NAME of letters, digits, -, _ and ., where {dataset} and {method} "
            "stand for those of each expansion"
        )
    return name


_REPOSITORY = re.compile(r"\w([\w.-]*\w)?/\w([\w.-]*\w)?", re.ASCII)


class ExportConfig(Strict):
    """Which expansions are exported (null: the guided ones), in which `formats`, with or without test images.

    `push_to_hub` is the repository of the Hugging Face hub that the form huggingface goes to as well, null for none;
    `{dataset}` and `{method}` in it stand for those of each expansion. With `dry_run` it is only said what would go.
    `private` is whether a repository that is made for it is.
    """

    folder: str
    methods: Names | None
    formats: list[Literal["imagefolder", "huggingface"]] = Field(min_length=1)
    test: bool
    push_to_hub: Annotated[str, AfterValidator(_repository)] | None = None
    private: bool = True
    dry_run: bool = False

    @model_validator(mode="after")
    def what_is_pushed_is_made(self) -> "ExportConfig":
        if self.push_to_hub and "huggingface" not in self.formats:
            raise ValueError("push_to_hub sends the form huggingface: add it to formats")
        return self

    def repository(self, dataset: str, method: str) -> str | None:
        """Where an expansion is pushed to."""
        return self.push_to_hub.format(dataset=dataset, method=method) if self.push_to_hub else None
