"""Typed settings of classifiers: architectures, recipes and the grid."""

from typing import Any, Literal

from pydantic import Field, model_validator

from guided_imagination.config.strict import Count, Names, NonNegative, Positive, Share, Strict


class Architecture(Strict):
    """A timm model by name, and the arguments it is created with."""

    model: str
    arguments: dict[str, Any] = Field({})
    dense_stem: list[Literal["convolution", "pooling"]] = Field([])


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

    architectures: Names
    recipe: str
    seeds: Count
    evaluate_on: Literal["test", "validation"]
    log_points: Count
