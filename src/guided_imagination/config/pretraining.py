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
    """How one model is trained: AdamW, linear warm-up, cosine decay to zero.

    `steps` is the number of updates. `batch_size` is in images. `learning_rate` is the highest. `weight_decay` is that
    of AdamW. `warmup_steps` is how many updates the learning rate rises. `seed` is that of weights and batches. `model`
    is the configuration of the transformers or diffusers class.
    """

    steps: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: NonNegative = 0.05
    warmup_steps: Annotated[int, Field(ge=0)] = 100
    seed: Annotated[int, Field(ge=0)] = 0
    model: dict[str, Any]

    @model_validator(mode="after")
    def rises_before_it_falls(self) -> "Stage":
        if self.warmup_steps >= self.steps:
            raise ValueError(f"warmup_steps = {self.warmup_steps} leaves none of steps = {self.steps} to learn in")
        return self


class Attribute(Strict):
    """What is seen of an object beside its class, in words.

    `measure` is the number that tells it. `low` and `high` are the words for the lowest and the highest third within a
    class.
    """

    measure: Measure
    low: Text
    high: Text


class Foreground(Strict):
    """Which pixels are the object's: those that are brighter, or `darker`, than the luminance `threshold`."""

    darker: bool = False
    threshold: Share


class ShareOfImages(Strict):
    """Images that no model is trained on.

    `part` names the part of the source that they are drawn from. `per_class` of them are drawn of each class; null: all
    that are left.
    """

    part: Text
    per_class: Count | None = None


class Domain(Strict):
    """What the small models of one domain learn from, and how.

    `title` says what is on the images, `credit` where they come from and under which licence. `images` are all of them:
    a source with its names and sizes, of whose parts `seeds` what no share takes is trained on. `border` is how many
    black pixels are put around an image first, `resolution` of `images` its side in the end, which is `image_size` of
    CLIP and MAE.
    `shares` are drawn one after the other: `pool` and `test` ship with the package, others are for choices. What is
    nearer than the cosine `near_duplicate` to an image of another share is left out.
    `turns` adds every image turned and mirrored, seven further ones, where there is no above and no below.
    `templates` are captions, with {} for the name of the class. `attributes` are said of it by name, measured on
    the `foreground`, but texture and redness on the whole image.
    """

    title: Text
    credit: Text
    images: ImagesSpec
    border: Annotated[int, Field(ge=0)] = 0
    shares: dict[str, ShareOfImages]
    near_duplicate: Cosine | None = None
    turns: bool = False
    templates: list[Template] = Field(min_length=1)
    foreground: Foreground
    attributes: dict[str, Attribute] = Field({})
    clip: Stage
    movq: Stage
    unclip: Stage
    mae: Stage

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
            raise ValueError(f"shares: {NEAR_DUPLICATES!r} is what the pipeline split finds itself: call it otherwise")
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
    """Parameters of the pipelines `split` and `pretrain`.

    `domain` is one of `domains` by name. `output` has a folder for each, with the finished models. `checkpoints` is
    that of models in training.
    """

    domain: str
    domains: dict[str, Domain]
    output: str
    checkpoints: str

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
