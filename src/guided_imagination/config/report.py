"""Typed settings of the report, and of the plan of a run."""

from pydantic import Field

from guided_imagination.config.strict import Count, Names, NonNegative, Strict


class ReportConfig(Strict):
    """Sizes of contact sheets, groups of datasets (a table each), pairs of rows, prices, MLflow's address.

    `weed_images` new images of each of `weed_methods` (null: the guided rows) can be looked at on the page.
    """

    contact_seeds: Count
    contact_variants: Count
    weed_images: int = Field(ge=0)
    weed_methods: Names | None
    groups: dict[str, list[str]]
    compare: list[tuple[str, str]]
    price_per_hour: NonNegative
    hand_price_per_image: NonNegative
    tracking_url: str

    def group_of(self, dataset: str) -> str:
        """The group that lists `dataset`, else "other"."""
        return next((name for name, members in self.groups.items() if dataset in members), "other")


class PlanConfig(Strict):
    """Where speeds come from: a CSV file that `plan` has written elsewhere, or null to measure them here.

    `price` is that of one hour of one worker, in any currency.
    """

    speeds: str | None = None
    price: NonNegative | None = None
