"""A measured figure as JSON has it: its value and the ends of its interval, to so many digits."""

from __future__ import annotations

import math

from quant.evaluation.bootstrap import Interval
from quant.evaluation.figures import Estimate
from quant.json_model import JsonModel

DIGITS, EVERY_DIGIT = 6, 17


class Figure(JsonModel):
    """A measured figure and the ends of its interval, None where there is none; an infinite figure is None."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, estimate: Estimate, digits: int = DIGITS) -> Figure:
        ends = estimate.interval
        return cls(value=short(estimate.value, digits), low=short(ends.low, digits) if ends else None,
                   high=short(ends.high, digits) if ends else None)  # fmt: skip

    @property
    def estimate(self) -> Estimate:
        value = math.inf if self.value is None else self.value
        ends = None if self.low is None or self.high is None else Interval(self.low, self.high)
        return Estimate(value, ends)


def short(value: float, digits: int = DIGITS) -> float | None:
    """To so many significant digits; None where it is not finite."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
