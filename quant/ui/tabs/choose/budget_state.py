"""What a budget asks for, as one short text: "size:3.5:0.1:512:integers" in an address."""

from __future__ import annotations

import math
from dataclasses import dataclass

from quant.errors import BudgetError, shown
from quant.evaluation.costs import PALETTES
from quant.ui.tabs.choose import budget_texts as t

SEPARATOR, PARTS = ":", 5
MOST = 1e6  # megabytes, or nats


@dataclass(frozen=True)
class State:
    """want: `size` or `loss`; mb, nats: the most of each, of which the one that is wanted counts; context: tokens."""

    want: str = "size"
    mb: float = 3.5
    nats: float = 0.1
    context: int = 0
    palette: str = "integers"

    @classmethod
    def read(cls, written: str) -> State:
        """Raises BudgetError for what no budget can be."""
        if not written:
            return cls()
        parts = written.split(SEPARATOR)
        try:
            want, mb, nats, context, palette = parts
            found = cls(want, float(mb), float(nats), int(context), palette)
        except ValueError:
            raise BudgetError(t.BAD_STATE.format(got=shown(written))) from None
        positive = all(math.isfinite(n) and 0 < n <= MOST for n in (found.mb, found.nats))
        if want not in t.WANTS or palette not in PALETTES or found.context not in t.CONTEXTS or not positive:
            raise BudgetError(t.BAD_STATE.format(got=shown(written)))
        return found

    @property
    def n_bytes(self) -> int:
        return round(self.mb * 1e6)
