"""Typed settings of the classical augmentations."""

from typing import Annotated, Final, Literal

from pydantic import Field

from guided_imagination.config.strict import Share, Strict

AUGMENT: Final = "augment_baselines"
# timm's policy string: https://huggingface.co/docs/timm, rand_augment_transform
_SECTION = r"-((m|n|mmax|inc)\d+|(mstd|p)\d+(\.\d+)?|t(weights|3aw|3a))"
Policy = Annotated[str, Field(pattern=f"^rand({_SECTION})+$")]


class CutoutConfig(Strict):
    """A black square on the image (DeVries and Taylor 2017). `length` is its side, as a share of the image's."""

    kind: Literal["cutout"] = "cutout"
    length: Share


class GridMaskConfig(Strict):
    """Black squares on a turned grid (Chen et al. 2020).

    `period` is the least and the greatest distance between squares, as a share of the image's side. `keep` is the
    share of the image's area that stays.
    """

    kind: Literal["gridmask"] = "gridmask"
    period: tuple[Share, Share]
    keep: Share


class RandAugmentConfig(Strict):
    """RandAugment (Cubuk et al. 2020). `policy` is timm's policy string."""

    kind: Literal["randaugment"] = "randaugment"
    policy: Policy


class AugmentConfig(Strict):
    """Parameters of `augment_baselines`: one entry per augmentation."""

    cutout: CutoutConfig
    gridmask: GridMaskConfig
    randaugment: RandAugmentConfig
