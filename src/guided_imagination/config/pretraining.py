"""Typed settings of pre-training: the domains, and how the small models of each are trained."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from guided_imagination.config.datasets import ImagesSpec, Template, Text
from guided_imagination.config.defaults import embedded
from guided_imagination.config.strict import Cosine, Count, NonNegative, Share, Strict
from guided_imagination.utils.seeding import derive_seed

Measure = Literal["brightness", "width", "height", "area", "texture", "redness"]
Model = Literal["clip", "movq", "unclip", "mae"]
NEAR_DUPLICATES = "near_duplicates"  # beside the shares in a split


class Stage(Strict):
    """How one model is trained: AdamW, linear warm-up, cosine decay to zero."""

    steps: PositiveInt
    """Number of updates."""
    batch_size: PositiveInt
    """Images per update."""
    learning_rate: PositiveFloat
    """Peak learning rate."""
    weight_decay: NonNegative = 0.05
    """Weight decay of AdamW."""
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    """Updates with linear warm-up of the learning rate."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Random seed of weights and batches."""
    model: dict[str, Any]
    """Configuration of the transformers or diffusers class."""

    @model_validator(mode="after")
    def rises_before_it_falls(self) -> "Stage":
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps = {self.warmup_steps} is not less than steps = {self.steps}")
        return self


class Attribute(Strict):
    """A visible property of an object besides its class, for captions."""

    measure: Measure
    """Quantity that is measured."""
    low: Text
    """Word for the lowest third within a class."""
    high: Text
    """Word for the highest third within a class."""


class Foreground(Strict):
    """Which pixels belong to the object."""

    darker: bool = False
    """true: those darker than the threshold; false: those brighter."""
    threshold: Share
    """Threshold of the luminance."""


class ShareOfImages(Strict):
    """Images that no model is trained on."""

    part: Text
    """Part of the source that they are sampled from."""
    per_class: Count | None = None
    """Number of images per class; null: all that are left."""


class Domain(Strict):
    """What the small models of one domain are trained on, and how."""

    title: Text
    """What the images show."""
    credit: Text
    """Where the images come from, and their licence."""
    images: ImagesSpec
    """All images; of the parts `seeds`, those that no share takes are trained on. `resolution` is the `image_size` of
    CLIP and MAE."""
    border: Annotated[int, Field(ge=0)] = 0
    """Black pixels added around an image."""
    shares: dict[str, ShareOfImages]
    """Images that are held out, sampled in this order: `pool` and `test` ship with the package, `tuning` and others are
    for choices."""
    split: Text | None = None
    """split.json of another domain with the same images, whose shares are used instead of drawing; null: draw."""
    near_duplicate: Cosine | None = None
    """Images with a higher cosine than this to an image of another share are left out; null: none."""
    turns: bool = False
    """true: add the seven other rotations and reflections of every image, where there is no up or down."""
    templates: list[Template] = Field(min_length=1)
    """Captions, with {} for the name of the class."""
    foreground: Foreground
    """Pixels that the attributes are measured on; texture and redness are measured on the whole image."""
    attributes: dict[str, Attribute] = Field({})
    """Attributes in the captions, by name."""
    clip: Stage
    """Training of CLIP."""
    movq: Stage
    """Training of the autoencoder (MoVQ) of unCLIP."""
    unclip: Stage
    """Training of the unCLIP decoder."""
    mae: Stage
    """Training of the masked autoencoder."""

    @model_validator(mode="after")
    def shares_are_usable(self) -> "Domain":
        missing = [name for name in ("pool", "test", "tuning") if name not in self.shares]
        if missing:
            raise ValueError(f"shares has no {missing[0]!r}; needed: pool, test and tuning")
        for name, share in self.shares.items():
            if share.part not in self.images.seeds:
                allowed = ", ".join(self.images.seeds)
                raise ValueError(f"shares.{name}.part: {share.part!r} is not in images.seeds; allowed: {allowed}")
        if NEAR_DUPLICATES in self.shares:
            raise ValueError(
                f"shares: {NEAR_DUPLICATES!r} is reserved for what the pipeline split finds: choose another name"
            )
        return self

    @model_validator(mode="after")
    def models_fit_together(self) -> "Domain":
        """CLIP and MAE see images as they are read, and the decoder takes CLIP's embedding."""
        clip, side = self.clip.model, self.images.resolution
        seen = {
            "clip.model.vision_config.image_size": clip.get("vision_config", {}).get("image_size"),
            "mae.model.image_size": self.mae.model.get("image_size"),
        }
        for place, found in seen.items():
            if found != side:
                raise ValueError(f"{place} = {found} has to be {side}, as images.resolution is")
        width, found = clip.get("projection_dim"), self.unclip.model.get("encoder_hid_dim")
        if found != width:
            raise ValueError(
                f"unclip.model.encoder_hid_dim = {found} has to be {width}, as clip.model.projection_dim is"
            )
        return self


class PretrainConfig(Strict):
    """Parameters of the pipelines `split` and `pretrain`."""

    domain: str
    """Name of the domain to train."""
    domains: dict[str, Domain]
    """Domains by name."""
    output: str
    """Folder of the finished models, with a folder per domain."""
    checkpoints: str
    """Folder of models in training."""

    @model_validator(mode="after")
    def domain_exists(self) -> "PretrainConfig":
        if self.domain not in self.domains:
            raise ValueError(f"domain: {self.domain!r} is not known; allowed: {', '.join(self.domains)}")
        return self

    @property
    def chosen(self) -> Domain:
        return self.domains[self.domain]

    def folder(self, model: str) -> Path:
        """Where a finished model is saved."""
        return Path(self.output) / self.domain / model

    @property
    def pictures(self) -> str:
        """The folder of what is looked at: the documentation's of models that ship, else theirs."""
        ship = Path(self.output).resolve() == Path(embedded()).resolve()
        return "docs" if ship else self.output

    @property
    def movq_folder(self) -> Path:
        """Where the finished autoencoder waits until the unCLIP pipeline is saved with it."""
        return Path(self.checkpoints) / self.domain / "movq"

    def checkpoint(self, model: Model, *learned_from: str) -> Path:
        """Where a model in training is kept; another setting of it, or other checksums of what it learns from, is
        another file."""
        stage: Stage = getattr(self.chosen, model)
        key = derive_seed(stage.model_dump_json(), *learned_from)
        return Path(self.checkpoints) / self.domain / f"{model}-{key:016x}.pt"
