"""Typed settings of the classical augmentations."""

from typing import Annotated, Final, Literal

from pydantic import Field

from guided_imagination.config.strict import Share, Strict

AUGMENT: Final = "augment_baselines"
# timm's policy string: https://huggingface.co/docs/timm, rand_augment_transform
_SECTION = r"-((m|n|mmax|inc)\d+|(mstd|p)\d+(\.\d+)?|t(weights|3aw|3a))"
Policy = Annotated[str, Field(pattern=f"^rand({_SECTION})+$")]


class CutoutConfig(Strict):
    """A black square on the image (DeVries and Taylor 2017)."""

    kind: Literal["cutout"] = "cutout"
    """Which augmentation it is."""
    length: Share
    """Side of the square, as a fraction of the image's side."""


class GridMaskConfig(Strict):
    """Black squares on a rotated grid (Chen et al. 2020)."""

    kind: Literal["gridmask"] = "gridmask"
    """Which augmentation it is."""
    period: tuple[Share, Share]
    """Smallest and largest grid period, as a fraction of the image's side."""
    keep: Share
    """Fraction of the image's area that stays visible."""


class RandAugmentConfig(Strict):
    """RandAugment (Cubuk et al. 2020)."""

    kind: Literal["randaugment"] = "randaugment"
    """Which augmentation it is."""
    policy: Policy
    """timm's policy string."""


class AugmentConfig(Strict):
    """Parameters of `augment_baselines`: one entry per augmentation."""

    cutout: CutoutConfig
    gridmask: GridMaskConfig
    randaugment: RandAugmentConfig
