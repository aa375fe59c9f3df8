"""Typed settings of classifiers: architectures, recipes, the grid, and the search for a recipe's learning rate."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from guided_imagination.config.augmentation import Policy
from guided_imagination.config.models import PretrainedModel
from guided_imagination.config.strict import Count, Counts, Names, NonNegative, Positive, Share, Strict


class Architecture(Strict):
    """A network of timm's, and the weights that recipes with `pretrained` begin from.

    `model` is timm's name of it. `arguments` are those it is made with. `dense_stem` names the parts of its stem that
    lose their stride, for small images. `pretrained` is a repository of timm's on the hub, or a folder in its layout:
    model.safetensors and config.json.
    """

    model: str
    arguments: dict[str, Any] = Field({})
    dense_stem: list[Literal["convolution", "pooling"]] = Field([])
    pretrained: PretrainedModel | None = None


class SoftLabels(Strict):
    """Targets of which `weight` is the guide's softmax(z / temperature), z its logits, and the rest the label.

    `temperature` above 1 makes the guide less sure.

    He et al. 2022, "Is synthetic data from generative models ready for image recognition?", section 3.
    """

    weight: Share
    temperature: Positive


class Crop(Strict):
    """A random part of an image, stretched to its size: `area` of it at least and at most, `aspect` width by height."""

    area: tuple[Positive, Annotated[float, Field(gt=0, le=1)]]
    aspect: tuple[Positive, Positive] = (1, 1)

    @model_validator(mode="after")
    def ends_in_order(self) -> "Crop":
        if self.area[0] > self.area[1] or self.aspect[0] > self.aspect[1]:
            raise ValueError("area and aspect are the least and the greatest value, in this order")
        return self


class Recipe(Strict):
    """How a classifier is trained, and how long: exactly one of `updates`, `passes` and `epochs`.

    `passes` go over the largest row of the grid, and every row of a dataset gets as many updates as that one; `epochs`
    go over what a row has, so that small rows get fewer updates (the paper's way). `nesterov` is SGD's alone. `mixup`
    and `cutmix` are the alpha of their Beta(alpha, alpha); with both, every batch draws one of them. `randaugment` is
    timm's policy string for augmentation on the fly. `soft_labels` distil the guide `train.teacher`; of every batch,
    `real_share` are real images (null: as they come). The learning rate falls by a cosine, or to a tenth after each of
    `milestones` (epochs). `crop` is taken before the image is turned and moved; `grayscale` shows the network grey
    images, in training and test. `pretrained` begins from the architecture's weights instead of random ones; then
    `frozen` trains the last layer alone. `batch_size` is in images. `optimizer` has momentum 0.9 if it is sgd.
    `learning_rate` is the highest. `weight_decay` is that of the optimiser. `warmup` is the share of updates in which
    the learning rate rises. `label_smoothing` is the share of a target that all classes have in common. Images are
    turned by at most `rotation` degrees, moved by at most `translation` of their side, mirrored with probability
    `flip`.
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
    crop: Crop | None = None
    grayscale: bool = False
    milestones: list[Count] = Field([])
    pretrained: bool = False
    frozen: bool = False
    mixup: NonNegative = 0
    cutmix: NonNegative = 0
    randaugment: Policy | None = None
    soft_labels: SoftLabels | None = None
    real_share: Share | None = None

    @model_validator(mode="after")
    def one_length(self) -> "Recipe":
        if [self.updates, self.passes, self.epochs].count(None) != 2:
            raise ValueError("give exactly one of updates, passes and epochs; null takes one back")
        return self

    @model_validator(mode="after")
    def milestones_are_of_epochs(self) -> "Recipe":
        if self.milestones and (self.epochs is None or max(self.milestones) >= self.epochs):
            raise ValueError("milestones are epochs, fewer than the recipe's own: give `epochs`, or no milestones")
        return self

    @model_validator(mode="after")
    def only_what_was_trained_is_frozen(self) -> "Recipe":
        if self.frozen and not self.pretrained:
            raise ValueError("frozen leaves all but the last layer as it is, so that it needs pretrained: true")
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

    `architectures` and `recipes` are names; every row is trained in all pairs of them. `ratios` are the numbers of
    variants of each seed to train on; null is all that an expansion has. `zero_shot` names the guide whose zero-shot
    accuracy is a reference line, null for none; `teacher` the one that gives recipes their soft labels.
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
    """The search for the learning rate and weight decay of `recipe`.

    Every pair of `learning_rates` and `weight_decays` is tried. The search has `seeds` runs of each.
    """

    recipe: str
    learning_rates: list[Positive] = Field(min_length=1)
    weight_decays: list[NonNegative] = Field(min_length=1)
    seeds: Count
