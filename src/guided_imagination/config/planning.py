"""Typed settings of `plan`."""

from guided_imagination.config.strict import NonNegative, Strict


class PlanConfig(Strict):
    """Where speeds come from: a CSV file that `plan` has written elsewhere, or null to measure them here.

    `price` is that of one hour of one worker, in any currency.
    """

    speeds: str | None = None
    price: NonNegative | None = None
