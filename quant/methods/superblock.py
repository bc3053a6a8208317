"""Scales that share a super-scale: what a group may use is a whole number of steps, and the step is shared.

    scale = d * sc,  shift = dmin * m       sc, m: codes of a group; d, dmin: floats of its super-block

From the scales that fit each group freely:

1. choose d and dmin so that the largest scale and shift of a super-block get the last code, or a bit less or more;
2. sweep: with d and dmin fixed, every group tries the (sc, m) around its own, its weights rounded anew;
3. with all codes fixed, solve least squares for (d, dmin) of the super-block; then sweep again.

Each step keeps a change only where the error of what is *stored* falls, and the first candidate is the plain grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from quant.formats import NumberFormat
from quant.methods.grid import store
from quant.methods.search import Fit, Groups, farthest, fit, inverse, solve
from quant.scheme import Scheme

FACTORS = (1.0, 0.9, 1.05)  # the last code stands for the largest scale divided by these
NEAR = (-1, 0, 1)
FAR = (-16, -8, -4, -2, 2, 4, 8, 16)  # for m: where an outlier sets the scale, the best shift may be far away
SWEEPS = 2


class Scales(NamedTuple):
    """What is stored beside the codes, float32, for n groups in N super-blocks of G.

    error: [N, 1], weighted squared error that they leave; d, dmin: [N, 1]; sc, m: [N, G], whole numbers.
    """

    error: Tensor
    d: Tensor
    dmin: Tensor
    sc: Tensor
    m: Tensor

    @property
    def scale(self) -> Tensor:
        """[n]"""
        return (self.d * self.sc).view(-1)

    @property
    def shift(self) -> Tensor:
        """[n]"""
        return (self.dmin * self.m).view(-1)

    def or_better(self, new: Scales) -> Scales:
        """Of each super-block the one with the smaller error."""
        wins = new.error < self.error
        return Scales(*(torch.where(wins, n, b) for n, b in zip(new, self, strict=True)))


def search_plain(groups: Groups, how: NumberFormat) -> Scales:
    """A float scale for each group and no shift: super-blocks of one group. Raises SchemeError where one overflows."""
    store(groups.plain[0], how)
    found = fit(groups, lambda scale: representable(scale, how))
    # IQ4's table has no 0: what is far below the smallest scale is best held by the scale 0.
    nothing = torch.zeros_like(found.scale)
    found = found.or_better(Fit(groups.error(nothing, nothing), nothing, nothing))
    error, d, dmin = (part.unsqueeze(1) for part in found)
    return Scales(error, d, dmin, torch.ones_like(d), torch.zeros_like(d))


def search_super(groups: Groups, scale: Scheme, shift: Scheme) -> Scales:
    """Scales (and shifts) stored by schemes of equal granularity. Raises SchemeError where d or dmin overflows."""
    blocks = SuperBlocks(groups, SubScale.of(scale), SubScale.of(shift))
    best = blocks.first()
    free = fit(groups)
    for factor in FACTORS:
        for shift_factor in FACTORS if groups.shifted else FACTORS[:1]:
            best = best.or_better(blocks.divide(free.scale, free.shift, factor, shift_factor))
    best = blocks.sweep(best)
    for _ in range(SWEEPS - 1):
        best = blocks.sweep(best.or_better(blocks.resolve(best)))
    return best


@dataclass(frozen=True)
class SubScale:
    """How scales are stored: codes lowest..highest times a float per `size` of them."""

    lowest: float
    highest: float
    size: int
    step: NumberFormat

    @classmethod
    def of(cls, scheme: Scheme) -> SubScale:
        assert isinstance(scheme.scale, NumberFormat)
        return cls(scheme.element.lowest, scheme.element.highest, scheme.block, scheme.scale)

    def steps(self, value: Tensor) -> Tensor:
        """The step with which the last code stands for the value of largest magnitude: [n] -> [N, 1]."""
        end = self.lowest or self.highest  # of signed codes the lowest reaches farther
        return farthest(value.view(-1, self.size), 1).unsqueeze(1) / end

    def codes(self, value: Tensor, step: Tensor) -> Tensor:
        """[n], [N, 1] -> [N, G]"""
        return self.clip((value.view(-1, self.size) * inverse(step)).round_())

    def clip(self, codes: Tensor) -> Tensor:
        return codes.clamp(self.lowest, self.highest)


@dataclass(frozen=True)
class SuperBlocks:
    """Groups, and how their scales and shifts are stored."""

    groups: Groups
    scale: SubScale
    shift: SubScale

    def judged(self, d: Tensor, dmin: Tensor, sc: Tensor, m: Tensor) -> Scales:
        """These scales, with the error they leave."""
        scales = Scales(d, d, dmin, sc, m)
        return scales._replace(error=self.total(self.groups.error(scales.scale, scales.shift)))

    def total(self, per_group: Tensor) -> Tensor:
        """Sums over super-blocks: [n] -> [N, 1]."""
        return per_group.view(-1, self.scale.size).sum(1, keepdim=True)

    def first(self) -> Scales:
        """The plain grid, its scales rounded to nearest. Raises SchemeError where d or dmin overflows."""
        scale, shift = self.groups.plain
        store(self.scale.steps(scale), self.scale.step)
        store(self.shift.steps(shift), self.shift.step)
        return self.divide(scale, shift, 1.0, 1.0)

    def divide(self, scale: Tensor, shift: Tensor, factor: float, shift_factor: float) -> Scales:
        """Free scales and shifts as d * sc and dmin * m, each rounded to nearest."""
        d = representable(self.scale.steps(scale) / factor, self.scale.step)
        dmin = representable(self.shift.steps(shift) / shift_factor, self.shift.step)
        return self.judged(d, dmin, self.scale.codes(scale, d), self.shift.codes(shift, dmin))

    def sweep(self, start: Scales) -> Scales:
        """For every group the best (sc, m) in reach of its own."""
        least, sc, m = self.groups.error(start.scale, start.shift).view_as(start.sc), start.sc, start.m
        for by, shift_by in [(i, j) for i in NEAR for j in (NEAR + FAR if self.groups.shifted else (0,)) if i or j]:
            moved = start._replace(sc=self.scale.clip(start.sc + by), m=self.shift.clip(start.m + shift_by))
            error = self.groups.error(moved.scale, moved.shift).view_as(least)
            wins = error < least
            least = torch.where(wins, error, least)
            sc, m = torch.where(wins, moved.sc, sc), torch.where(wins, moved.m, m)
        return Scales(least.sum(1, keepdim=True), start.d, start.dmin, sc, m)

    def resolve(self, scales: Scales) -> Scales:
        """The same sc and m with the d and dmin that fit best the codes they give."""
        sc, m, groups = scales.sc.view(-1), scales.m.view(-1), self.groups
        values = groups.values(scales.scale, scales.shift).mul_(sc)
        weighted = values * groups.importance
        aa, ax = values.mul_(weighted).sum(0), (weighted * groups.x).sum(0)
        ab, bb, bx = -weighted.sum(0) * m, groups.total * m * m, -groups.mass * m
        d, dmin = solve(*(self.total(product) for product in (aa, ab, bb, ax, bx)))
        return self.judged(representable(d, self.scale.step), representable(dmin, self.shift.step), scales.sc, scales.m)


def representable(value: Tensor, how: NumberFormat) -> Tensor:
    """The nearest finite value of the format, but 0 only for 0: a step that is too large still leaves a few codes."""
    rounded = how.round(value.clamp(how.lowest, how.highest))
    smallest = torch.sign(value) * how.properties.smallest_positive
    return torch.where((rounded == 0) & (value != 0), smallest, rounded)
