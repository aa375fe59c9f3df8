"""Typed settings of classifiers: architectures, recipes, the grid, and the search for a recipe's learning rate."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from guided_imagination.config.strict import Count, Counts, Names, NonNegative, Positive, Share, Strict


class Architecture(Strict):
    """A timm model by name, and the arguments it is created with."""

    model: str
    arguments: dict[str, Any] = Field({})
    dense_stem: list[Literal["convolution", "pooling"]] = Field([])


class SoftLabels(Strict):
    """Targets of which `weight` is the guide's softmax(z / temperature), z its logits, and the rest the label.

    He et al. 2022, "Is synthetic data from generative models ready for image recognition?", section 3.
    """

    weight: Share
    temperature: Positive


class Recipe(Strict):
    """How a classifier is trained, and how long: exactly one of `updates`, `passes` and `epochs`.

    `passes` go over the largest row of the grid, and every row of a dataset gets as many updates as that one; `epochs`
    go over what a row has, so that small rows get fewer updates (the paper's way). `nesterov` is SGD's alone.
    `mixup` and `cutmix` are the alpha of their Beta(alpha, alpha); with both, every batch draws one of them.
    `randaugment` is timm's policy string for augmentation on the fly. `soft_labels` distil the guide `train.teacher`;
    of every batch, `real_share` are real images (null: as they come).
    """

    updates: Count | None = None
    passes: Positive | None = None
    epochs: Count | None = None
    batch_size: Count
    optimizer: Literal["sgd", "adamw"]
    learning_rate: Positive
    nesterov: bool = True
    weight_decay: NonNegative
    warmup: Share
    label_smoothing: Share
    rotation: NonNegative
    translation: Share
    flip: Share
    mixup: NonNegative = 0
    cutmix: NonNegative = 0
    randaugment: Annotated[str, Field(pattern=r"^rand(-[a-z]+\d+(\.\d+)?)+$")] | None = None
    soft_labels: SoftLabels | None = None
    real_share: Share | None = None

    @model_validator(mode="after")
    def one_length(self) -> "Recipe":
        if [self.updates, self.passes, self.epochs].count(None) != 2:
            raise ValueError("give exactly one of updates, passes and epochs; null takes one back")
        return self

    @model_validator(mode="after")
    def soft_labels_are_not_mixed(self) -> "Recipe":
        if self.soft_labels and (self.mixup or self.cutmix):
            raise ValueError("soft_labels go with neither mixup nor cutmix: set those to 0, or soft_labels to null")
        return self

    def resolved(self, largest: int) -> Self:
        """With as many updates as `passes` over `largest` images take: ceil(passes * images / batch_size).

        A recipe without passes comes back as it is.
        """
        if self.passes is None:
            return self
        return self.overridden({"passes": None, "updates": math.ceil(self.passes * largest / self.batch_size)})


class TrainConfig(Strict):
    """The grid of training cells, and which split measures them.

    `ratios` are the numbers of variants of each seed to train on; null is all that an expansion has.
    `zero_shot` names the guide whose zero-shot accuracy is a reference line, null for none; `teacher` the one that
    gives recipes their soft labels.
    """

    architectures: Names
    recipes: Names
    ratios: Counts | None = None
    seeds: Count
    evaluate_on: Literal["test", "validation"]
    log_points: Count
    tuned: bool = False
    zero_shot: str | None = None
    teacher: str | None = None


class TuneConfig(Strict):
    """The search for the learning rate and weight decay of `recipe`: every pair is tried, `seeds` times."""

    recipe: str
    learning_rates: list[Positive] = Field(min_length=1)
    weight_decays: list[NonNegative] = Field(min_length=1)
    seeds: Count
