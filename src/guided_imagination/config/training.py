"""Typed settings of classifiers: architectures, recipes, the grid, and the search for a recipe's learning rate."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from guided_imagination.config.augmentation import Policy
from guided_imagination.config.models import HeadChoice, PretrainedModel
from guided_imagination.config.strict import Count, Counts, Names, NonNegative, Positive, Share, Strict, without_nulls


class Architecture(Strict):
    """A timm model."""

    model: str
    """timm's name of the model."""
    arguments: dict[str, Any] = Field({})
    """Keyword arguments of the model."""
    dense_stem: list[Literal["convolution", "pooling"]] = Field([])
    """Parts of the stem that lose their stride, for small images."""
    pretrained: PretrainedModel | None = None
    """Weights for recipes with `pretrained`: a timm repository on the hub, or a folder in its layout
    (model.safetensors, and config.json with the mean and standard deviation of the input); null: none."""


class SoftLabels(Strict):
    """Distillation (He et al. 2022, "Is synthetic data from generative models ready for image recognition?", 3)."""

    weight: Share
    """Weight of the teacher's softmax(logits / temperature) in the target; the rest is the label."""
    temperature: Positive
    """Temperature of the teacher's softmax; above 1, the teacher is less confident."""


class Crop(Strict):
    """A random crop, resized to the size of the image."""

    area: tuple[Positive, Annotated[float, Field(gt=0, le=1)]]
    """Smallest and largest fraction of the image's area."""
    aspect: tuple[Positive, Positive] = (1, 1)
    """Smallest and largest aspect ratio, width by height."""

    @model_validator(mode="after")
    def ends_in_order(self) -> "Crop":
        if self.area[0] > self.area[1] or self.aspect[0] > self.aspect[1]:
            raise ValueError("area and aspect are [minimum, maximum]")
        return self


class Recipe(Strict):
    """How a classifier is trained, and for how long: exactly one of `updates`, `passes` and `epochs`."""

    updates: Count | None = None
    """Number of updates."""
    passes: Positive | None = None
    """Passes over the largest training set of the dataset; every method gets as many updates as that one takes."""
    epochs: Count | None = None
    """Passes over a method's own training set, so that small ones get fewer updates (the paper's protocol)."""
    batch_size: Count
    """Images per update."""
    optimizer: Literal["sgd", "adamw"]
    """Optimiser; sgd has momentum 0.9."""
    learning_rate: Positive
    """Peak learning rate, which decays by a cosine, or by `milestones`."""
    nesterov: bool = True
    """Nesterov momentum of sgd."""
    weight_decay: NonNegative
    """Weight decay."""
    warmup: Share
    """Fraction of the updates with linear warm-up of the learning rate."""
    label_smoothing: Share
    """Label smoothing."""
    rotation: NonNegative
    """Maximum random rotation, in degrees."""
    translation: Share
    """Maximum random translation, as a fraction of the image's side."""
    flip: Share
    """Probability of a horizontal flip."""
    crop: Crop | None = None
    """Random crop before rotation and translation; null: none."""
    grayscale: bool = False
    """true: greyscale images, in training and test."""
    milestones: list[Count] = Field([])
    """Epochs after which the learning rate is divided by 10; none: cosine decay."""
    pretrained: bool = False
    """true: start from the architecture's pre-trained weights instead of random ones."""
    frozen: bool = False
    """true: train only the last layer of pre-trained weights."""
    mixup: NonNegative = 0
    """alpha of Mixup's Beta(alpha, alpha), 0: off; with CutMix, every batch samples one of the two."""
    cutmix: NonNegative = 0
    """alpha of CutMix's Beta(alpha, alpha), 0: off."""
    randaugment: Policy | None = None
    """timm's policy string for augmentation on the fly, such as rand-m10-n2-mstd0.5; null: none."""
    soft_labels: SoftLabels | None = None
    """Distillation from the reference `train.teacher`; null: none."""
    real_share: Share | None = None
    """Fraction of real images in every batch; null: as in the training set."""

    @model_validator(mode="after")
    def one_length(self) -> "Recipe":
        if [self.updates, self.passes, self.epochs].count(None) != 2:
            raise ValueError("give exactly one of updates, passes and epochs; null unsets one")
        return self

    @model_validator(mode="after")
    def milestones_are_of_epochs(self) -> "Recipe":
        if self.milestones and (self.epochs is None or max(self.milestones) >= self.epochs):
            raise ValueError("milestones are epochs, fewer than the recipe's own: give `epochs`, or no milestones")
        return self

    @model_validator(mode="after")
    def only_what_was_trained_is_frozen(self) -> "Recipe":
        if self.frozen and not self.pretrained:
            raise ValueError("frozen trains only the last layer, so it needs pretrained: true")
        return self

    @model_validator(mode="after")
    def soft_labels_are_not_mixed(self) -> "Recipe":
        if self.soft_labels and (self.mixup or self.cutmix):
            raise ValueError(
                "soft_labels cannot be combined with mixup or cutmix: set those to 0, or soft_labels to null"
            )
        return self

    def resolved(self, largest: int) -> Self:
        """With as many updates as `passes` over `largest` images take: ceil(passes * images / batch_size).

        A recipe without passes comes back as it is.
        """
        if self.passes is None:
            return self
        return self.overridden({"passes": None, "updates": math.ceil(self.passes * largest / self.batch_size)})


class Reference(Strict):
    """An encoder with a head, which classifies without training: a row of the tables."""

    guide: str | None = None
    """Name of a preset of `guides`; null: `train.guide`."""
    head: HeadChoice = "text"
    """How it classifies, as for `expand_dalle.head`: text (zero-shot), seeds (few-shot), both or auto."""


References = Annotated[dict[str, Reference], BeforeValidator(without_nulls)]


class TrainConfig(Strict):
    """The grid of training runs, and the split that they are evaluated on."""

    architectures: Names
    """Names of `architectures`; every method is trained with each pair of architecture and recipe."""
    recipes: Names
    """Names of `recipes`."""
    ratios: Counts | None = None
    """Numbers of variants per seed image to train on, such as [1, 2, 5]; null: all that there are."""
    seeds: Count
    """Number of training runs, each with a random seed of its own, from 0."""
    evaluate_on: Literal["test", "validation"]
    """Split to evaluate on; validation for every choice that is made."""
    log_points: Count
    """How often a training run logs its metrics."""
    tuned: bool = False
    """true: learning rate and weight decay as chosen by `tune`."""
    guide: str | None = None
    """Name of a preset of `guides`, the encoder of the references; a dataset may name its own."""
    references: References = Field({})
    """Rows without training, by name: encoders with a head; null leaves one out."""
    teacher: str | None = None
    """Name of the reference whose probabilities are the soft labels of recipes with `soft_labels`."""


class TuneConfig(Strict):
    """Grid search of learning rate and weight decay on validation images."""

    recipe: str
    """Name of the recipe to tune."""
    learning_rates: list[Positive] = Field(min_length=1)
    """Learning rates to try, each with every weight decay."""
    weight_decays: list[NonNegative] = Field(min_length=1)
    """Weight decays to try."""
    seeds: Count
    """Number of training runs per pair."""
