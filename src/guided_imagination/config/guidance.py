"""Typed settings of imagination: how a feature is perturbed, guided, selected, and scored."""

import math
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from guided_imagination.config.datasets import Template
from guided_imagination.config.strict import Count, NonNegative, Positive, Share, Strict

CriterionName = Literal["consistency", "entropy", "diversity"]
# the least and the greatest value of a criterion for a number of classes
CRITERION_RANGES: dict[CriterionName, Callable[[int], tuple[float, float]]] = {
    "consistency": lambda classes: (0, 1),
    "entropy": lambda classes: (-math.log(classes), math.log(classes)),
    "diversity": lambda classes: (0, math.inf),
}

# how far a latent was moved, and the range of each figure: the root mean square of the seed's, and the cosine with it
MOVE_RANGES: dict[str, tuple[float, float]] = {"latent_scale": (0, math.inf), "latent_cosine": (-1, 1)}


class Criteria(Strict):
    """How a variant is scored, which is also what the ascent maximises."""

    hold: Literal["prediction", "label"]
    """Target class that a variant has to keep: CLIP's prediction on the seed image, or the label."""
    weights: dict[CriterionName, float] = Field(min_length=1)
    """Weight of each criterion in the score; a criterion without a weight is off."""
    logit_scale: Positive
    """Factor of the cosines before CLIP's softmax."""
    temperature: Positive
    """Temperature of the softmax over features in `diversity`."""
    gradient: Literal["clamped", "straight_through", "unclamped"]
    """Where the gradient of a step is taken: at the clamped feature (zero where the clamp is active), there but passed
    through the clamp, or at the feature before the clamp."""
    divergence: Literal["variant_mean", "mean_variant"] = "variant_mean"
    """Direction of the KL divergence in `diversity`: KL(variant || mean) or KL(mean || variant)."""
    group: Count | None = None
    """Number of consecutive variants whose mean `diversity` uses; null: all variants of a seed image."""
    templates: list[Template] | None = Field(None, min_length=1)
    """CLIP prompt templates in place of the dataset's."""
    normalise_variants: bool = True
    """false: CLIP sees decoded variants without its mean and standard deviation subtracted and divided out."""
    steps: int | None = Field(None, ge=0)
    """Number of ascent steps in place of the pipeline's; null: the pipeline's."""
    step_size: Positive | None = None
    """Step size in place of the pipeline's; null: the pipeline's."""


class ManifoldConfig(Strict):
    """A Gaussian per class around its seed images (imagination.manifold)."""

    tau: NonNegative
    """Standard deviation of the perturbation, as a multiple of that of the seed images."""
    within: Share
    """Weight of the class's own covariance; the rest is the covariance pooled over all classes."""
    shrink: Share
    """How far a seed image is moved towards its class mean first: 0 not at all, 1 to the mean."""


class SelectionConfig(Strict):
    """Which candidates are kept: greedily, by confidence^exponent times the distance to the nearest one kept so far."""

    candidates: Count
    """Candidates proposed per variant."""
    logit_scale: Positive
    """Logit scale of CLIP's confidence; a low one distinguishes confident from very confident candidates."""
    exponent: NonNegative
    """Exponent of the confidence, against the distance to what is there already."""
    bandwidth: Positive
    """Bandwidth of the Gaussian kernel; beyond about this distance, candidates count as equally far."""


class Guidance(Strict):
    """How a variant's feature is found: the perturbation, the ascent, and the selection among candidates.

    `eps` and `noise`, the radius of the ball and the deviation of b, are in units of the root mean square of the
    seed's feature, so that they mean the same for every generator. A sign step in the ball is `step_size` for every
    component of z and of b / `noise`; on the manifold a step is so much of the feature's length.
    """

    perturbation: Literal["ball", "manifold"] = "ball"
    eps: NonNegative
    noise: Positive = 1.0
    manifold: ManifoldConfig | None = None
    steps: int = Field(ge=0)
    step_size: NonNegative
    selection: SelectionConfig | None = None
    criteria: Criteria

    @property
    def least_cosine(self) -> float:
        """Below no variant can have gone: its cosine with the seed's feature; -1 where nothing is known of it."""
        if self.perturbation == "manifold":
            return 1.0 if self.manifold and self.manifold.tau == self.manifold.shrink == 0 else -1.0
        return math.sqrt(1 - self.eps**2) if self.eps < 1 else -1.0  # every component stays within eps * RMS

    @property
    def planned(self) -> bool:
        """Whether all features are made before the first decode, class by class (expansion.targets)."""
        return self.perturbation == "manifold" or self.selection is not None
