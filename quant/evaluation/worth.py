"""When quantizing after training (PTQ) is enough, and when training on (QAT) pays: figures at equal bytes to an answer.

A rung is one scheme filled in three ways, and so of the same bytes: by rounding, by GPTQ, by a training. The question
is the one that whoever pays for the training asks, against the better of the two others:

    enough    PTQ is within the "small loss" of verdict.py: whatever a training gains, little is left to gain
    worth     PTQ is not, and the training ends below it beyond chance
    tied      PTQ is not, and the two cannot be told apart
    worse     PTQ is not, and the training ends above it
    open      PTQ is not, and no training is known

"Beyond chance" here: the intervals do not touch. Of two that were scored on the same tokens a paired interval
(`methods.below`) tells more, but a recorded training keeps no figures of single documents: some are called ties that
pairing would tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from quant.evaluation.figures import Estimate
from quant.evaluation.verdict import SMALL_KL


class Answer(Enum):
    """Whether a training pays, see above."""

    ENOUGH = "enough"
    WORTH = "worth"
    TIED = "tied"
    WORSE = "worse"
    OPEN = "open"


@dataclass(frozen=True)
class Tried:
    """One way to fill a scheme. kl: mean nats to the float model; seconds: that it took, None where nobody timed it."""

    kl: Estimate
    perplexity: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Rung:
    """One scheme. name: its bits, as `recorded_training.Run` has them; stored_bytes: of the entire model, each way."""

    name: str
    stored_bytes: int
    bits_per_weight: float
    rounding: Tried | None = None
    gptq: Tried | None = None
    qat: Tried | None = None

    @property
    def ptq(self) -> Tried:
        """The better of the two without training. There is one."""
        tried = [one for one in (self.gptq, self.rounding) if one is not None]
        return min(tried, key=lambda one: one.kl.value)

    @property
    def has_gptq(self) -> bool:
        """Whether the better one is GPTQ."""
        return self.ptq is self.gptq

    @property
    def answer(self) -> Answer:
        ptq, qat = self.ptq, self.qat
        if high(ptq.kl) <= SMALL_KL:
            return Answer.ENOUGH
        if qat is None:
            return Answer.OPEN
        if not apart(ptq.kl, qat.kl):
            return Answer.TIED
        return Answer.WORTH if qat.kl.value < ptq.kl.value else Answer.WORSE

    @property
    def won(self) -> float:
        """Nats that the training gains on the better PTQ; below 0 where it loses."""
        assert self.qat is not None
        return self.ptq.kl.value - self.qat.kl.value

    @property
    def price(self) -> float | None:
        """Seconds of training for each nat won; None where none is, or nobody timed it."""
        if self.qat is None or self.qat.seconds is None or self.won <= 0:
            return None
        return self.qat.seconds / self.won

    @property
    def tied(self) -> tuple[str, ...]:
        """Which of `rounding`, `gptq`, `qat` cannot be told from the best of them, itself among them; none if alone."""
        tried = {name: one for name in ("rounding", "gptq", "qat") if (one := getattr(self, name)) is not None}
        best = min(tried.values(), key=lambda one: one.kl.value)
        found = tuple(name for name, one in tried.items() if one is best or not apart(best.kl, one.kl))
        return found if len(found) > 1 else ()


def high(estimate: Estimate) -> float:
    """The upper end of the interval, or the figure where there is none."""
    return estimate.interval.high if estimate.interval else estimate.value


def apart(a: Estimate, b: Estimate) -> bool:
    """Whether two figures differ beyond chance: each has an interval, and these do not touch."""
    if a.interval is None or b.interval is None:
        return False
    return a.interval.high < b.interval.low or b.interval.high < a.interval.low


def enough_down_to(rungs: Sequence[Rung]) -> Rung | None:
    """The last rung, from the top, down to which PTQ is enough."""
    last = None
    for rung in rungs:
        if rung.answer is not Answer.ENOUGH:
            break
        last = rung
    return last


def half_won(checks: Sequence[tuple[float, float]]) -> float | None:
    """Seconds after which half of what a run gained in the end was there, of (seconds, KL) in order.

    None where it ended no better than it began.
    """
    first, last = checks[0][1], checks[-1][1]
    if last >= first:
        return None
    return next(seconds for seconds, kl in checks if kl <= (first + last) / 2)
