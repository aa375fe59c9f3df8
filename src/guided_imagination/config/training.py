"""Typed settings of classifiers: architectures, recipes, the grid, and the search for a recipe's learning rate."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from guided_imagination.config.strict import Count, Names, NonNegative, Positive, Share, Strict


class Architecture(Strict):
    """A timm model by name, and the arguments it is created with."""

    model: str
    arguments: dict[str, Any] = Field({})
    dense_stem: list[Literal["convolution", "pooling"]] = Field([])


class Recipe(Strict):
    """How a classifier is trained: `updates` (the same for every row) or `epochs` (the paper's way).

    `mixup` and `cutmix` are the alpha of their Beta(alpha, alpha); with both, every batch draws one of them.
    `randaugment` is timm's policy string for augmentation on the fly.
    """

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
    mixup: NonNegative = 0
    cutmix: NonNegative = 0
    randaugment: Annotated[str, Field(pattern=r"^rand(-[a-z]+\d+(\.\d+)?)+$")] | None = None

    @model_validator(mode="after")
    def one_length(self) -> "Recipe":
        if (self.updates is None) == (self.epochs is None):
            raise ValueError("give either updates or epochs")
        return self


class TrainConfig(Strict):
    """The grid of training cells, and which split measures them.

    `ratios` are the numbers of variants of each seed to train on; null is all that an expansion has.
    `zero_shot` names the guide whose zero-shot accuracy is a reference line, null for none.
    """

    architectures: Names
    recipes: Names
    ratios: list[Count] | None = Field(None, min_length=1)
    seeds: Count
    evaluate_on: Literal["test", "validation"]
    log_points: Count
    tuned: bool = False
    zero_shot: str | None = None


class TuneConfig(Strict):
    """The search for the learning rate and weight decay of `recipe`: every pair is tried, `seeds` times."""

    recipe: str
    learning_rates: list[Positive] = Field(min_length=1)
    weight_decays: list[NonNegative] = Field(min_length=1)
    seeds: Count
