"""The rows of the tables."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from guided_imagination.config.expansion import ExpandPipeline
from guided_imagination.config.strict import Strict


class Method(Strict):
    """A row of the tables: which pipeline makes its images (none for the originals), guided or not.

    `pipeline` makes its images; null: it has none. `guided` is false for neither ascent nor selection nor filter.
    `settings` are changes to the settings of an expand pipeline for this row alone, for ablations; `recipe` are changes
    to the recipes that its classifiers are trained with. `augmentation` is what `augment_baselines` does for this row
    (null: what the row is named for), `filtered_by` the pipeline whose guide refuses some of its images.
    """

    pipeline: Literal["augment_baselines", ExpandPipeline] | None = None
    guided: bool = False
    augmentation: str | None = None
    filtered_by: ExpandPipeline | None = None
    settings: dict[str, Any] = Field({})
    recipe: dict[str, Any] = Field({})


def _without_nulls(value: object) -> object:
    return {name: row for name, row in value.items() if row is not None} if isinstance(value, Mapping) else value


# an environment leaves a row of conf/base out by `methods: {cutout: null}`
Methods = Annotated[dict[str, Method], BeforeValidator(_without_nulls)]


def changing_recipe(methods: Mapping[str, Method]) -> list[str]:
    """The rows that change their recipe themselves."""
    return [name for name, row in methods.items() if row.recipe]
