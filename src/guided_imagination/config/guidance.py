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
    """One way to score a variant, and to climb (conf/base/parameters_expand.yml, `criteria_sets`).

    `gradient` says where a step's gradient is taken: at the clamped feature (zero where the clamp holds), there as if
    there were no clamp, or at the feature before the clamp. `divergence` is the direction of the KL in `diversity`,
    whose mean is that of all of a seed's variants or, with `group`, of so many that follow each other. `templates`
    stand in for the dataset's; `normalise_variants` is off where CLIP sees decoded latents without its mean and
    deviation. `hold` says which class has to be kept: CLIP's own prediction on the seed, or the label. `weights` are
    those of the criteria in the score; one without a weight is off. `logit_scale` multiplies cosines before CLIP's
    softmax. `temperature` is that of the softmax over features in `diversity`. `steps` and `step_size` of the ascent
    stand in for the pipeline's; null: they do not.
    """

    hold: Literal["prediction", "label"]
    weights: dict[CriterionName, float] = Field(min_length=1)
    logit_scale: Positive
    temperature: Positive
    gradient: Literal["clamped", "straight_through", "unclamped"]
    divergence: Literal["variant_mean", "mean_variant"] = "variant_mean"
    group: Count | None = None
    templates: list[Template] | None = Field(None, min_length=1)
    normalise_variants: bool = True
    steps: int | None = Field(None, ge=0)
    step_size: Positive | None = None


class ManifoldConfig(Strict):
    """A Gaussian per class around its seeds (imagination.manifold): `tau` times the deviation of the data itself.

    `within` of the covariance are the class's own, the rest that of all classes; `shrink` pulls seeds to their mean.
    """

    tau: NonNegative
    within: Share
    shrink: Share


class SelectionConfig(Strict):
    """Which of `candidates` per variant are kept: by confidence^exponent times the distance to what is there already.

    The confidence is CLIP's at `logit_scale`: a low one tells sure from very sure. Distances count up to about
    `bandwidth`; `by` says whether to the nearest (greedy) or to all at once (dpp).
    """

    candidates: Count
    logit_scale: Positive
    exponent: NonNegative
    bandwidth: Positive
    by: Literal["greedy", "dpp"]


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
