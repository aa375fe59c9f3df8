"""Typed settings of datasets: where images come from, and how they are split."""

from typing import Annotated, Any, Literal

from pydantic import Field

from guided_imagination.config.strict import Count, Share, Strict


class ParquetSource(Strict):
    """Files with the columns id, image and label (a ClassLabel)."""

    kind: Literal["parquet"]
    train: str
    test: str


Source = Annotated[ParquetSource, Field(discriminator="kind")]


class DatasetSpec(Strict):
    """Where a dataset's images are, how it is split, and what is special to it.

    `overrides` are changes to the settings of a pipeline, and of generators by name, for this dataset alone.
    """

    source: ParquetSource
    resolution: Count = 224
    ratio: Count = 5
    templates: list[str] = Field(["a photo of a {}."], min_length=1)
    seeds_per_class: Count | None = None
    validation_per_class: int = Field(0, ge=0)
    max_unreadable: Share = 0.01
    overrides: dict[Literal["generators", "expand_mae", "expand_dalle", "expand_sd"], dict[str, Any]] = {}
