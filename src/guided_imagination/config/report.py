"""Typed settings of the report, and of the plan of a run."""

from pydantic import Field

from guided_imagination.config.strict import Count, Names, NonNegative, Strict


class ReportConfig(Strict):
    """What the report shows: contact sheets, groups of datasets, pairs of methods to compare, prices."""

    contact_seeds: Count
    """Seed images on a contact sheet."""
    contact_variants: Count
    """Maximum number of variants per seed image on a contact sheet."""
    weed_images: int = Field(ge=0)
    """Maximum number of generated images of a method that can be inspected on the page (1 KB each at 32 pixels, 5 KB
    for photographs); 0 omits the section."""
    weed_methods: Names | None
    """Methods to inspect; null: the guided ones."""
    groups: dict[str, list[str]]
    """Datasets of each group, which has a table of its own; a dataset in no group is under "other"."""
    compare: list[tuple[str, str]]
    """Pairs of methods whose difference gets a 95 % interval over images and training runs."""
    price_per_hour: NonNegative
    """US dollars per hour of a worker."""
    hand_price_per_image: NonNegative
    """US dollars for one human label of one image."""
    tracking_url: str
    """Address of the MLflow server (`make mlflow`) that the page links to."""

    def group_of(self, dataset: str) -> str:
        """The group that lists `dataset`, else "other"."""
        return next((name for name, members in self.groups.items() if dataset in members), "other")


class PlanConfig(Strict):
    """How the cost of a run is estimated."""

    speeds: str | None = None
    """CSV file of speeds that `plan` wrote on a similar machine (08_reporting/plan/speeds.csv); null: measure them
    here, one batch of each stage."""
    price: NonNegative | None = None
    """Price of one hour of one worker, in any currency."""
