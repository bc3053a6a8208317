"""The scale of a group by search: try grids, round, solve for the best scale, keep what loses least.

    minimize over scale, shift >= 0, codes:    sum w (x - (scale * v[codes] - shift))**2

With the codes fixed this is least squares in (scale, shift), with a closed form; with scale and shift fixed the best
codes are the nearest values. The two alternate (Lloyd's algorithm), from ten or twenty starts per group: the plain grid
that spans the range of the group, stretched by a step or shrunk by up to two. Shrinking clips the largest
weights, which often pays. Every candidate is judged by the error of what would be *stored*, scale rounded to its
format and codes rounded anew, so the result is never worse than rounding on the plain grid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from quant.errors import SchemeError
from quant.formats import NumberFormat
from quant.text import Text

STEPS = tuple(-1.5 + 3.5 * i / 9 for i in range(10))  # by how many steps the grid is shrunk
ROUNDS = 2  # of Lloyd's algorithm; a third lowers the error by less than 0.01 %


class Levels:
    """The values of an element format, and a rounding to them that a search can afford (0.1 to 0.8 ns a weight).

    `NumberFormat.nearest` gives codes, in about 3 ns; a search asks for *values*, fifty to a hundred times per weight.
    """

    def __init__(self, element: NumberFormat) -> None:
        """Raises SchemeError unless the values, and the midpoints between them, are whole numbers and halves."""
        assert element.values is not None, "the scheme allows tables only"
        values = element.values[element.values.isfinite()].sort().values
        midpoints = values[1:] + values[:-1]
        if not bool((2 * values == (2 * values).round()).all() and (midpoints == midpoints.round()).all()):
            raise SchemeError(
                Text("La búsqueda de escala necesita códigos que valgan números enteros, o mitades a distancia de "
                     "enteros; {name} no los tiene.",
                     "The search for a scale needs codes that stand for whole numbers, or for halves at whole "
                     "distances; those of {name} do not.")
                .format(name=element.name)
            )  # fmt: skip
        self.low, self.high = float(values[0]), float(values[-1])
        self.step = (self.high - self.low) / (len(values) - 1)
        halves = torch.arange(2 * self.low, 2 * self.high + 1) / 2 + 0.25
        self._by_half = None if element.is_integer else values[(halves.unsqueeze(1) - values).abs().argmin(1)]

    def round_(self, x: Tensor) -> Tensor:
        """The nearest values, float32, same shape; overwrites `x`."""
        if self._by_half is None:
            return x.round_().clamp_(self.low, self.high)
        # Between two consecutive halves no midpoint lies, so the half just below says which value is nearest.
        half = x.mul_(2).sub_(2 * self.low).clamp_(0, len(self._by_half) - 1).int()
        return self._by_half.index_select(0, half.view(-1)).view(x.shape)


class Fit(NamedTuple):
    """float32 [n] each: weighted squared error, scale and shift of every group."""

    error: Tensor
    scale: Tensor
    shift: Tensor

    def or_better(self, new: Fit) -> Fit:
        """Of each group the one with the smaller error."""
        wins = new.error < self.error
        return Fit(*(torch.where(wins, n, b) for n, b in zip(new, self, strict=True)))


@dataclass(frozen=True)
class Groups:
    """Weights in groups, each down a column: x, importance float32 [size, n].

    Sums over a group and products with its scale then run along contiguous memory, three times as fast as across it.
    `shifted` says whether a group has a shift; without one all shifts are 0 and a scale may be negative.
    """

    x: Tensor
    importance: Tensor
    levels: Levels
    shifted: bool

    @cached_property
    def total(self) -> Tensor:
        """Sum of the importance, [n]."""
        return self.importance.sum(0)

    @cached_property
    def mass(self) -> Tensor:
        """Sum of importance times weight, [n]."""
        return (self.importance * self.x).sum(0)

    def values(self, scale: Tensor, shift: Tensor) -> Tensor:
        """The values v[codes] nearest to the weights, float32 [size, n]."""
        return self.levels.round_((self.x + shift).mul_(inverse(scale)))

    def error(self, scale: Tensor, shift: Tensor) -> Tensor:
        """Weighted squared error of rounding with these scales and shifts, [n]."""
        target = self.x + shift
        decoded = self.levels.round_(target * inverse(scale)).mul_(scale)
        return decoded.sub_(target).square_().mul_(self.importance).sum(0)

    def refit(self, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        """The scales and shifts that fit best the codes which these ones give."""
        values = self.values(scale, shift)
        weighted = values * self.importance
        aa, ax = values.mul_(weighted).sum(0), (weighted * self.x).sum(0)
        if not self.shifted:
            return ax * inverse(aa), shift
        return solve(aa, -weighted.sum(0), self.total, ax, -self.mass)

    @cached_property
    def plain(self) -> tuple[Tensor, Tensor]:
        """Scale and shift of the grid that spans the range of each group."""
        if self.shifted:
            shift = -self.x.amin(0).clamp_(max=0)
            return (self.x.amax(0) + shift).clamp_(min=0) / self.levels.high, shift
        extreme = farthest(self.x, 0)
        return extreme / self.levels.low, torch.zeros_like(extreme)

    def starts(self) -> list[tuple[Tensor, Tensor]]:
        """The plain grid shrunk by each of STEPS; without shift also turned over, since the ends differ."""
        scale, shift = self.plain
        ends = [(self.levels.high, -1)] if self.shifted else [(self.levels.low, 1), (self.levels.high, -1)]
        shrunk = [end + towards * k * self.levels.step for end, towards in ends for k in STEPS]
        # A grid shrunk to nothing or beyond is none (formats of two bits).
        kept = [s for s in shrunk if abs(s) >= self.levels.step / 2]
        return [(scale * (ends[0][0] / s), shift) for s in kept]


def fit(groups: Groups, store: Callable[[Tensor], Tensor] = lambda scale: scale) -> Fit:
    """The best scale and shift found for each group; scales only such as `store` returns."""

    def judged(scale: Tensor, shift: Tensor) -> Fit:
        scale = store(scale)
        return Fit(groups.error(scale, shift), scale, shift)

    best = judged(*groups.plain)
    for start in groups.starts():
        best = best.or_better(judged(*groups.refit(*start)))
    for _ in range(ROUNDS):
        best = best.or_better(judged(*groups.refit(best.scale, best.shift)))
    return best


def solve(aa: Tensor, ab: Tensor, bb: Tensor, ax: Tensor, bx: Tensor) -> tuple[Tensor, Tensor]:
    """Minimize |x - s a - t b|**2 with t >= 0 from the inner products, elementwise; returns (s, t).

    Where a and b are parallel (a group of one code), or t would be negative, s alone is fitted; where a is 0, t.
    """
    determinant = aa * bb - ab * ab
    s = (ax * bb - ab * bx) * inverse(determinant)
    t = (aa * bx - ab * ax) * inverse(determinant)
    both = (determinant > 1e-6 * aa * bb) & (t > 0)
    only_t = torch.where(aa == 0, (bx * inverse(bb)).clamp(min=0), 0.0)
    return torch.where(both, s, ax * inverse(aa)), torch.where(both, t, only_t)


def inverse(x: Tensor) -> Tensor:
    """1 / x, and 0 where that is not finite: a group with scale 0 gets the codes of 0."""
    return torch.reciprocal(x).nan_to_num_(0, 0, 0)


def farthest(x: Tensor, dim: int) -> Tensor:
    """The entry of largest magnitude along `dim`, with its sign; of two equal ones the positive."""
    low, high = x.amin(dim), x.amax(dim)
    return torch.where(-low > high, low, high)
