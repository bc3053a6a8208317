"""Which part gets which of its options, so that together they lose least within so many bytes: exact.

    minimize   sum_i loss[i, o_i]      subject to   sum_i n_bytes[i, o_i] <= budget      (a knapsack, each item once)

Losses add up by assumption (`evaluation/sensitivity.py` measures how far that holds). Parts are taken in one after
another; of all that can be made of those so far only the *front* is kept, what no other choice beats in bytes and loss
at once. Nothing that is thrown away can be part of a best choice, so that the front of all parts holds the answer to
every budget, and to every loss that is allowed. Rounding bytes to a grid, as textbooks do for speed, is not needed: the
matrices of a model have few shapes, and so their sums have few values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quant.errors import BudgetError
from quant.text import Text, number, size


@dataclass(frozen=True)
class Option:
    """One way to store a part. name: unique within its part; loss: in nats, of this alone."""

    name: str
    n_bytes: int
    loss: float


@dataclass(frozen=True)
class Allotted:
    """A choice: of each part, in their order, the name of its option; and what they come to together."""

    names: tuple[str, ...]
    n_bytes: int
    loss: float


@dataclass(frozen=True, eq=False)
class Front:
    """All choices that no other beats. n_bytes: int64 [points], rising; losses: float64 [points], falling.

    Of the point p after part i, `chosen[i][p]` is the option and `before[i][p]` the point after part i - 1.
    """

    parts: tuple[tuple[Option, ...], ...]
    n_bytes: np.ndarray
    losses: np.ndarray
    chosen: tuple[np.ndarray, ...]
    before: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.n_bytes)

    def at(self, point: int) -> Allotted:
        """The choice of one point."""
        names, here = [], point
        for options, chosen, before in zip(
            reversed(self.parts), reversed(self.chosen), reversed(self.before), strict=True
        ):
            names.append(options[chosen[here]].name)
            here = int(before[here])
        return Allotted(tuple(reversed(names)), int(self.n_bytes[point]), float(self.losses[point]))

    def within(self, n_bytes: int) -> Allotted:
        """The choice that loses least of those that take at most `n_bytes`. Raises BudgetError where none does."""
        point = int(np.searchsorted(self.n_bytes, n_bytes, side="right")) - 1
        if point < 0:
            raise BudgetError(
                Text("El presupuesto es de {got}; lo mínimo posible son {least}.",
                     "The budget is {got}; the least possible is {least}.")
                .format(got=_size(n_bytes), least=_size(int(self.n_bytes[0])))
            )  # fmt: skip
        return self.at(point)

    def losing(self, most: float) -> Allotted:
        """The smallest choice of those that lose at most `most` nats. Raises BudgetError where none does."""
        fits = self.losses <= most
        if not fits.any():
            raise BudgetError(
                Text("Se admite una pérdida de {got} nats; lo mínimo posible son {least}.",
                     "A loss of {got} nats is allowed; the least possible is {least}.")
                .format(got=_nats(most), least=_nats(float(self.losses[-1])))
            )  # fmt: skip
        return self.at(int(np.argmax(fits)))


def front(parts: Sequence[Sequence[Option]]) -> Front:
    """The front of all choices of one option for each part. Every part has at least one option."""
    n_bytes, losses = np.zeros(1, np.int64), np.zeros(1)
    chosen, before = [], []
    for options in parts:
        added, lost = np.array([o.n_bytes for o in options], np.int64), np.array([o.loss for o in options])
        # [options, points], as one list of candidates
        n_all, l_all = (added[:, None] + n_bytes).ravel(), (lost[:, None] + losses).ravel()
        kept = _unbeaten(n_all, l_all)
        chosen.append(kept // len(n_bytes))
        before.append(kept % len(n_bytes))
        n_bytes, losses = n_all[kept], l_all[kept]
    return Front(tuple(map(tuple, parts)), n_bytes, losses, tuple(chosen), tuple(before))


def _unbeaten(n_bytes: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Indices of what nothing beats, by rising bytes; of equals the first."""
    order = np.lexsort((losses, n_bytes))
    least = np.minimum.accumulate(losses[order])
    better = np.concatenate([[True], least[1:] < least[:-1]])
    return order[better]


def _size(n_bytes: int) -> Text:
    return Text(size(n_bytes, "es"), size(n_bytes, "en"))


def _nats(loss: float) -> Text:
    return Text(number(loss, "es", 3), number(loss, "en", 3))
