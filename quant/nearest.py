"""Nearest value of a small table: the one primitive that rounds to every format of at most 8 bits.

Between neighbouring values lies a midpoint; the rank of a number is how many midpoints it has passed. `search` says
just that. `lookup` gives the same answer about ten times faster: the upper half of a float32's bits already tells the
rank but for one midpoint, which a second table holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

BUCKETS = 1 << 16


class Ties(Enum):
    """Where a number goes that lies halfway between two values."""

    EVEN = "even"  # to the even significand, or the even integer
    AWAY = "away"  # to the larger magnitude
    ZERO = "zero"  # to the smaller magnitude
    FIRST = "first"  # to the lower bit pattern, as a search through the table does that keeps the first of the best
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True)
class Rounder:
    """A table ready for rounding. `codes` uint8 [n] in the order of rising values; `passed` float32 [n - 1].

    A number has passed midpoint i when it is greater than `passed[i]`; where the tie goes up, that is the float32 just
    below the midpoint.
    """

    codes: Tensor
    passed: Tensor
    lower: Tensor  # uint8 [BUCKETS]: code of the smallest number of a bucket
    upper: Tensor  # uint8 [BUCKETS]: code past the bucket's midpoint
    split: Tensor | None  # float32 [BUCKETS]: that midpoint; None where a bucket has several

    def search(self, x: Tensor) -> Tensor:
        """uint8 codes of the values nearest to finite float32 `x`, same shape: the definition."""
        return self.codes[torch.searchsorted(self.passed, x.contiguous())]

    def lookup(self, x: Tensor) -> Tensor:
        """uint8 codes of the values nearest to finite float32 `x`, same shape: what `search` gives, sooner."""
        if self.split is None:
            return self.search(x)
        flat = x.contiguous().view(-1)
        bucket = (flat.view(torch.int32) >> 16) & (BUCKETS - 1)
        low, high = self.lower.index_select(0, bucket), self.upper.index_select(0, bucket)
        return torch.where(flat > self.split.index_select(0, bucket), high, low).view(x.shape)


def rounder(values: Tensor, ties: Ties, even: Callable[[Tensor], Tensor] | None = None) -> Rounder:
    """Prepare float32 `values` by bit pattern (NaN: not a value).

    A table with two zeros keeps the sign of what rounds to zero (not of -0 itself, which counts as +0); with Ties.FIRST
    its second zero is not used.
    even: for Ties.EVEN, gives the code that a float64 midpoint rounds to.
    """
    codes = torch.nonzero(~torch.isnan(values)).view(-1)
    codes = codes[torch.argsort((~torch.signbit(values[codes])).int(), stable=True)]  # minus zero below zero
    codes = codes[torch.argsort(values[codes], stable=True)]
    if ties is Ties.FIRST:
        repeated = values[codes[1:]] == values[codes[:-1]]
        codes = codes[~torch.cat([repeated, repeated.new_zeros(1)])]  # of two zeros +0, the lower pattern, comes last
    ranked = values[codes].double()
    middles = (ranked[:-1] + ranked[1:]) / 2
    goes_up = (
        _goes_up(middles, codes, ties)
        if ties is not Ties.EVEN or even is None
        else (values[even(middles).long()].double() == ranked[1:])
    )
    passed = middles.float()
    passed = torch.where(goes_up, torch.nextafter(passed, torch.tensor(-torch.inf)), passed)
    codes = codes.to(torch.uint8)
    return Rounder(codes, passed, *_buckets(codes, passed))


def nearest_magnitude(x: Tensor, scale: Tensor, values: Tensor) -> Tensor:
    """uint8 codes of the values nearest to x / scale, same shape as float32 `x`; ties go to the smaller magnitude.

    values: float32 [2**b] by bit pattern, the upper bit the sign; scale: float32, not negative, that broadcasts.
    Nothing is divided: a midpoint of few bits times a scale of few bits is exact, so that no tie is missed or made.
    Where the scale is 0 so is the code.
    """
    rising = values[: len(values) // 2]
    size, usable = x.abs(), scale > 0
    codes = torch.zeros_like(x, dtype=torch.uint8)
    for middle in ((rising[1:] + rising[:-1]) / 2).tolist():
        codes += size > torch.where(usable, scale * middle, torch.inf)
    return torch.where((x < 0) & (codes > 0), codes + len(rising), codes)


def _goes_up(middles: Tensor, codes: Tensor, ties: Ties) -> Tensor:
    """bool [n - 1]: whether each midpoint itself belongs to the value above it. 0, between two zeros, is +0."""
    if ties is Ties.FIRST:
        return codes[1:] < codes[:-1]
    rules = {
        Ties.AWAY: middles >= 0,
        Ties.ZERO: middles <= 0,
        Ties.UP: middles == middles,
        Ties.DOWN: middles != middles,
    }
    return rules[ties]


def _buckets(codes: Tensor, passed: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """`lower`, `upper` and `split` of a Rounder: all float32 whose upper 16 bits agree are a bucket."""
    top = torch.arange(BUCKETS, dtype=torch.int64) << 16
    ends = torch.stack([top, top | (BUCKETS - 1)]).to(torch.int32).view(torch.float32)
    negative = torch.arange(BUCKETS) >= BUCKETS // 2
    low, high = torch.where(negative, ends.flip(0), ends)
    # An infinity shares its bucket with NaN, which no answer is for.
    low, high = torch.where(low.isnan(), high, low), torch.where(high.isnan(), low, high)
    low_rank, high_rank = (torch.searchsorted(passed, e.nan_to_num(0).contiguous()) for e in (low, high))
    split = torch.full((BUCKETS,), torch.inf)
    crossed = high_rank > low_rank
    split[crossed] = passed[low_rank[crossed]]
    several = bool((high_rank - low_rank > 1).any())
    return codes[low_rank], codes[high_rank], None if several else split
