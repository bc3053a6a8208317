"""How much a figure has moved, as it is written everywhere in Métrica."""

from __future__ import annotations

import math

from quant.evaluation.figures import Estimate
from quant.text import Language, number
from quant.ui.shared import html

TIMES = 3  # from this factor on percent no longer says anything
MOST_NATS = 700  # exp of more leaves float64


def figure(value: float, language: Language, digits: int) -> str:
    """A number; nothing is 0, not 0.00."""
    return number(value, language, digits) if value else "0"


def ratio_of(log_ratio: Estimate) -> Estimate:
    """Quantized perplexity over the original's, of the difference of their logs."""
    return log_ratio.through(lambda nats: math.exp(nats) if nats < MOST_NATS else math.inf)


def change(a: float, b: float, language: Language) -> str:
    """From `a` to `b` in percent, or as a factor where percent no longer says anything."""
    if a == b:
        return "="
    if a == 0 or math.isinf(b):
        return "∞"
    if b / a > TIMES:
        return f"× {number(b / a, language, 3)}"
    percent = 100 * (b - a) / a
    return f"{'+' if percent >= 0 else '−'}{number(abs(percent), language, 2)}{html.percent_sign(language)}"


def change_ends(ratio: Estimate, language: Language) -> str:
    """The interval of a change, “+9,2 % – +15 %”; empty without one, and where nothing has moved."""
    if ratio.interval is None or ratio.interval.low == ratio.interval.high:
        return ""
    low, high = (change(1.0, end, language) for end in (ratio.interval.low, ratio.interval.high))
    return f"{low} – {high}"
