"""Typed settings of pre-training: the domains, and how the small models of each are trained."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from guided_imagination.config.datasets import DatasetSpec, Template, Text
from guided_imagination.config.strict import Cosine, Count, Share, Strict
from guided_imagination.utils.seeding import derive_seed

Measure = Literal["brightness", "width", "height", "area", "texture", "redness"]
Model = Literal["clip", "movq", "unclip", "mae"]


class Stage(Strict):
    """How one model is trained: AdamW, linear warm-up, cosine decay to zero.

    `steps` is the number of updates. `batch_size` is in images. `learning_rate` is the highest. `weight_decay` is that
    of AdamW. `warmup_steps` is how many updates the learning rate rises. `seed` is that of weights and batches. `model`
    is the configuration of the transformers or diffusers class.
    """

    steps: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: float = 0.05
    warmup_steps: int = 100
    seed: int = 0
    model: dict[str, Any]


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
    black pixels are put around an image first, `resolution` of `images` its side in the end.
    `shares` are drawn one after the other: `pool` and `test` ship with the package, others are for choices. What is
    nearer than the cosine `near_duplicate` to an image of another share is left out.
    `turns` adds every image turned and mirrored, seven further ones, where there is no above and no below.
    `templates` are captions, with {} for the name of the class. `attributes` are said of it by name, measured on the
    `foreground`.
    """

    title: Text
    credit: Text
    images: DatasetSpec
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
    def has_all_shares(self) -> "Domain":
        missing = [name for name in ("pool", "test", "tuning") if name not in self.shares]
        if missing:
            raise ValueError(f"shares has no {missing[0]!r}; needed: pool, test and tuning")
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
    def movq_folder(self) -> Path:
        """Where the finished autoencoder waits until the unCLIP pipeline is saved with it."""
        return Path(self.checkpoints) / self.domain / "movq"

    def checkpoint(self, model: Model, images: Iterable[str]) -> Path:
        """Where a model in training is kept; another setting, or other ids of `images`, is another file."""
        domain = self.chosen
        stages = [domain.clip, domain.movq, domain.unclip] if model == "unclip" else [getattr(domain, model)]
        shown = domain.model_dump_json(include={"images", "border", "turns", "templates", "foreground", "attributes"})
        key = derive_seed(shown, *(stage.model_dump_json() for stage in stages), *sorted(set(images)))
        return Path(self.checkpoints) / self.domain / f"{model}-{key:016x}.pt"
