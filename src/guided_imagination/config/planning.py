"""Typed settings of `plan`."""

from guided_imagination.config.strict import NonNegative, Strict


class PlanConfig(Strict):
    """How the cost of a run is estimated."""

    speeds: str | None = None
    """CSV file of speeds that `plan` wrote on a similar machine (08_reporting/plan/speeds.csv); null: measure them
    here, one batch of each stage."""
    price: NonNegative | None = None
    """Price of one hour of one worker, in any currency."""
