"""Typed settings of expansions: what is refused, fine-tuned, stored, audited and exported; models that go together."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator

from guided_imagination.config.guidance import Criteria, Guidance, ManifoldConfig, SelectionConfig
from guided_imagination.config.models import GeneratorConfig, GuideConfig, HeadChoice, PretrainedModel, check_head
from guided_imagination.config.strict import Cosine, Count, Names, NonNegative, Positive, Share, Strict

T = TypeVar("T")
ExpandPipeline = Literal["expand_mae", "expand_dalle", "expand_sd"]


class AdaptConfig(Strict):
    """Fine-tuning of a generator on the seed images before it expands them, by AdamW (the paper's DreamBooth)."""

    weights: Literal["adapter", "whole"] = "adapter"
    """What a diffusion pipeline learns: a LoRA adapter on the attention of its UNet, or all weights of Stable
    Diffusion's UNet and text encoder, as in the paper. A MAE always learns all of its weights."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """Learning rate schedule: warm-up over a tenth of the steps with cosine decay, or constant."""
    steps: Count
    """Number of updates; the paper's 400 are a fair start."""
    batch_size: Count
    """Seed images per update."""
    learning_rate: Positive
    """Learning rate; usually 1e-4, and 2e-6 with `weights: whole`."""
    rank: Count = 8
    """Rank of the LoRA adapter."""


class RejectConfig(Strict):
    """Filter of guided variants, by what CLIP sees in their stored pixels; null or false turns a check off."""

    other_class: bool = True
    """Reject a variant whose predicted class is not the label."""
    min_label_probability: Share | None = None
    """Reject a variant whose label has a lower probability, at the `logit_scale` of the criteria."""
    max_seed_similarity: Cosine | None = None
    """Reject a variant whose CLIP cosine with its seed image is higher: nearly a copy."""

    @property
    def refuses(self) -> bool:
        """Whether anything is checked."""
        return self.other_class or self.min_label_probability is not None or self.max_seed_similarity is not None


NOTHING_REFUSED = RejectConfig(other_class=False)


class ExpandConfig(Strict):
    """Parameters of a pipeline that expands by a generator."""

    generator: str
    """Name of a preset of `generators`."""
    guide: str
    """Name of a preset of `guides`: the encoder that guides and filters."""
    head: HeadChoice = "text"
    """How the guide classifies: by its text encoder, by a linear head that is learned from the seed images, by a blend
    of both, or auto: the one that recognises most seed images when each is left out."""
    adapt: AdaptConfig | None = None
    """Fine-tuning of the generator on the seed images first; null: none."""
    perturbation: Literal["ball", "manifold"] = "ball"
    """Perturbation of the latent: the paper's, in an L-infinity ball, or along the data manifold."""
    eps: NonNegative
    """Radius of the ball around the latent, in units of the latent's root mean square (`latent_scale` in manifests)."""
    noise: Positive = 1.0
    """Standard deviation of the additive noise b, in the same unit; the multiplicative noise z has no unit."""
    manifold: ManifoldConfig | None = None
    """Settings of `perturbation: manifold`."""
    criteria: str
    """Name of a set of `criteria_sets`."""
    steps: int = Field(ge=0)
    """Number of ascent steps; unguided methods take none."""
    step_size: NonNegative
    """In the ball, the size of a sign step of z and of b / noise; on the manifold, a fraction of the embedding's
    length."""
    selection: SelectionConfig | None = None
    """Selection among candidates; null: every candidate becomes a variant. Unguided methods have none."""
    reserve: int = Field(0, ge=0)
    """Spare features per seed image for rejected variants, where all features are planned before decoding (with a
    selection, or on the manifold)."""
    redraws: int = Field(ge=0)
    """How often a rejected variant is resampled."""
    reject: RejectConfig = RejectConfig()
    """Filter of guided variants."""
    least_kappa: Share | None = None
    """Stop if the agreement of CLIP's predictions on the seed images with their labels (Cohen's kappa) is below this;
    null disables the check."""
    rejected: Literal["drop", "keep"]
    """What happens to a variant that is still rejected after all `redraws`: drop it, or keep its best attempt, so that
    every seed image has all of its variants."""
    seeds_per_shard: Count
    """Seed images per file; an interrupted run repeats at most one such file per worker."""
    seeds_per_batch: Count
    """Seed images processed at once."""
    images_per_batch: Count
    """Variants in the networks at once (another number rounds differently); halved when memory runs out."""

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
        guide = _named(guides, config.guide, f"{pipeline}.guide")
        check_head(f"{pipeline}.head", config.head, config.guide, guide)
        return cls(
            config=config,
            generator=generator,
            guide=guide,
            criteria=_named(criteria_sets, config.criteria, f"{pipeline}.criteria"),
        )


class Preset(Strict):
    """Models that go together, for `guided_imagination.expand` (conf/base/parameters_presets.yml)."""

    resolution: Count
    """Side in pixels of the images that these models make well."""
    pipelines: dict[ExpandPipeline, dict[str, Any]] = Field(min_length=1)
    """Changes to the settings of each pipeline that they have models for."""


def _named(presets: Mapping[str, T], name: str, place: str) -> T:
    if name not in presets:
        raise ValueError(f"{place}: {name!r} is not known; allowed: {', '.join(presets)}")
    return presets[name]


class ImageFileConfig(Strict):
    """How generated images are stored."""

    format: Literal["png", "webp", "jpeg"]
    """File format."""
    quality: int = Field(ge=1, le=100)
    """Quality of the lossy formats."""


class AuditConfig(Strict):
    """How expansions are audited."""

    guide: str
    """Name of a preset of `guides`: one encoder for all methods; the one that guided is biased towards its own."""
    head: HeadChoice = "text"
    """How it classifies, as for `expand_dalle.head`."""
    logit_scale: Positive
    """Logit scale of class probabilities; only the entropy gain depends on it."""
    near_duplicate: Cosine
    """CLIP cosine with any seed image above which a generated image counts as its near-duplicate."""
    images: Count
    """Maximum number of generated and of validation images that are looked at, evenly spaced over all."""
    images_per_batch: Count
    """Images in memory at once; halved when memory runs out."""


def _repository(name: str) -> str:
    """Raises ValueError unless the name, filled in, can be that of a repository (huggingface_hub.utils)."""
    try:
        filled = name.format(dataset="d", method="m")
    except (KeyError, IndexError, ValueError):
        filled = ""
    if not _REPOSITORY.fullmatch(filled) or any(part in filled for part in ("--", "..")) or filled.endswith(".git"):
        raise ValueError(
            "not a repository name; allowed: ORG/NAME of letters, digits, -, _ and ., where {dataset} and {method} "
            "stand for those of each expansion"
        )
    return name


_REPOSITORY = re.compile(r"\w([\w.-]*\w)?/\w([\w.-]*\w)?", re.ASCII)


class ExportConfig(Strict):
    """Which expansions are exported, and where to."""

    folder: str
    """Target folder: `<dataset>/<method>/<format>` below it is replaced as a whole."""
    methods: Names | None
    """Methods to export; null: the guided ones."""
    formats: list[Literal["imagefolder", "huggingface"]] = Field(min_length=1)
    """Formats to write."""
    test: bool
    """Include the real test images."""
    push_to_hub: Annotated[str, AfterValidator(_repository)] | None = None
    """Hugging Face hub repository, as ORG/NAME, that the format huggingface is pushed to as well; `{dataset}` and
    `{method}` stand for those of each expansion. null: none. The token is HF_TOKEN or that of `hf auth login`."""
    private: bool = True
    """Whether a repository that has to be created is private."""
    dry_run: bool = False
    """true: list what would be pushed, and push nothing."""

    @model_validator(mode="after")
    def what_is_pushed_is_made(self) -> "ExportConfig":
        if self.push_to_hub and "huggingface" not in self.formats:
            raise ValueError("push_to_hub needs the format huggingface: add it to formats")
        return self

    def repository(self, dataset: str, method: str) -> str | None:
        """Where an expansion is pushed to."""
        return self.push_to_hub.format(dataset=dataset, method=method) if self.push_to_hub else None
