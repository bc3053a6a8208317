"""What a visitor wants, as one short text in an address and in the browser: "llama.cpp:few:10:512:small:size"."""

from __future__ import annotations

from dataclasses import dataclass

from quant.advice.rules import Matters, Users, Wants
from quant.errors import EvaluationError
from quant.evaluation.verdict import BROKEN_KL, SAME_KL, SMALL_KL
from quant.targets import TARGETS
from quant.ui.tabs.choose import advice_texts as t

MB = 1_000_000
MOST_MB = 1_000_000
LEAST_CONTEXT, MOST_CONTEXT = 32, 8192
TOLERANCES = {"same": SAME_KL, "small": SMALL_KL, "noticeable": BROKEN_KL}  # nats, the bounds of verdict.py
SEPARATOR = ":"


@dataclass(frozen=True)
class State:
    """The controls. memory_mb: 0 for no limit."""

    target: str = "llama.cpp"
    users: str = Users.FEW.value
    memory_mb: float = 13.0
    context: int = 512
    tolerance: str = "small"
    matters: str = Matters.SIZE.value

    @classmethod
    def read(cls, written: str) -> State:
        """Raises EvaluationError for what no control gives."""
        if not written:
            return cls()
        try:
            target, users, memory, context, tolerance, matters = written.split(SEPARATOR)
            made = cls(target, users, float(memory), int(context), tolerance, matters)
            made.wants()
        except (ValueError, KeyError) as error:
            raise EvaluationError(t.BAD_STATE.format(got=written[:60])) from error
        return made

    def wants(self) -> Wants:
        """Raises ValueError or KeyError for what no control gives."""
        if self.target not in TARGETS or not 0 <= self.memory_mb <= MOST_MB:
            raise ValueError(self.target)
        if not LEAST_CONTEXT <= self.context <= MOST_CONTEXT:
            raise ValueError(self.context)
        memory = max(1, round(self.memory_mb * MB)) if self.memory_mb else None
        return Wants(
            self.target, Users(self.users), memory, self.context, TOLERANCES[self.tolerance], Matters(self.matters)
        )  # fmt: skip
