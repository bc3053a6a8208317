"""Round a matrix column by column, each after what its forerunners lost has been made up for: GPTQ's loop.

Rounding W to W^ changes what the layer gives, on inputs whose second moments are H = X^T X / tokens, by

    |X (W - W^)^T|^2 / tokens = sum over rows of e H e^T = |e R|^2        e = w - w^,  H = R R^T,  R upper triangular

(e R)_k holds the errors of the columns up to k alone, so that column k makes up for all before it by being rounded as

    w^_k = nearest(w_k + sum over j < k of e_j R_jk / R_kk)

This is GPTQ (Frantar et al. 2022, arXiv:2210.17323) in the form of QuIP's theorem 6 (Chee et al. 2023,
arXiv:2307.13304): the same codes. The authors invert H, take Cholesky's factor of that, and change the weights that are
left after each column; here H is factored once, from its last column up, nothing is inverted, and the errors before a
block of columns reach it in one product.

A weight is divided by its scale, as the authors do: on their symmetric grid the largest of a group lies halfway between
two levels, and where it goes is the last bit of that division. Rounding to nearest multiplies by the reciprocal.

Grids of groups may be laid over the weights as they have become when the loop arrives: those that would be best left
where they are, now that the columns before are rounded: w_F + e_<F R_<F,F R_FF^-1. The authors' code brings weights up
to date block by block, so that a group in the middle of a block does not see the columns of its own block. So here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from quant.methods import grid
from quant.methods.grid import Frame
from quant.qtensor import QTensor, decoded
from quant.scheme import Flat, PerChannel, PerGroup, Scheme

Laying = Callable[[Tensor], Frame]  # the grids of some columns float32 [out, k], entire groups


@dataclass
class Grids:
    """The grid of each column: frames of `size` columns each, in the order of the matrix."""

    size: int
    frames: list[Frame] = field(default_factory=list)

    def of(self, column: int) -> tuple[Frame, int]:
        """The frame that holds this column, and where in it."""
        return self.frames[column // self.size], column % self.size

    def add(self, frame: Frame) -> None:
        """The next group of columns. In a matrix of its own it is a row, whose scale a column finds at once."""
        scheme = replace(frame.scheme, granularity=PerChannel(), name="")
        self.frames.append(replace(frame, scheme=scheme, divides=True))

    @classmethod
    def cut(cls, whole: Frame) -> Grids:
        """One frame a group, so that a column is rounded without a look at the others."""
        width = whole.shape[1]
        granularity = whole.scheme.granularity
        in_rows = isinstance(granularity, PerGroup | Flat) and width % granularity.size == 0
        if whole.factor is None or not in_rows:
            return cls(width, [replace(whole, divides=True)])
        assert isinstance(granularity, PerGroup | Flat)
        grids = cls(granularity.size)
        for group in range(width // granularity.size):
            grids.add(_piece(whole, group, granularity.size))
        return grids

    def holding(self, codes: Tensor, scheme: Scheme) -> QTensor:
        """The matrix that `codes` [out, in] stand for on frames of groups whose scales are numbers of a format."""
        scales = [frame.scale for frame in self.frames if isinstance(frame.scale, Tensor)]
        zeros = [frame.zero for frame in self.frames if frame.zero is not None]
        offsets = [frame.offset for frame in self.frames if isinstance(frame.offset, Tensor)]
        scale, zero, offset = (torch.cat(parts, 1) if parts else None for parts in (scales, zeros, offsets))
        return QTensor(codes, scale, zero, scheme, offset)


def _piece(whole: Frame, group: int, size: int) -> Frame:
    """The frame of one group of columns; groups of the matrix laid flat lie in rows here, since they end with them."""
    out = whole.shape[0]

    def here(numbers: Tensor | QTensor | None) -> Tensor | None:
        if numbers is None:
            return None
        found = decoded(numbers)
        return found if found.numel() == 1 else found.reshape(out, -1)[:, group : group + 1]

    return Frame((out, size), whole.scheme, here(whole.scale), here(whole.zero), here(whole.offset),
                 here(whole.divisor), here(whole.factor), here(whole.subtracted))  # fmt: skip


def factored(hessian: Tensor) -> Tensor | None:
    """R upper triangular, float32, of H = R R^T [in, in]; None where H is not positive definite."""
    lower, failed = torch.linalg.cholesky_ex(hessian.flip(0, 1))
    return None if int(failed) else lower.flip(0, 1).float()


def on_grids(weight: Tensor, root: Tensor, grids: Grids, order: Tensor, block: int) -> Tensor:
    """Codes [out, in] of a matrix float32 [out, in], its columns rounded in this `order` [in] on grids that lie fixed.

    root: R of the Hessian whose rows and columns are in that order. `block` columns at a time are brought up to date,
    which changes the time alone.
    """
    loop, places = _Loop(weight.t()[order].contiguous(), root), order.tolist()
    for first in range(0, len(places), block):
        last = min(first + block, len(places))
        loop.begin(first, loop.updated(first, last))
        for k in range(first, last):
            loop.round(k, *grids.of(places[k]))
        loop.end(last)
    return loop.codes()[:, torch.argsort(order)]


def on_moving_grids(weight: Tensor, root: Tensor, size: int, lay: Laying, block: int) -> tuple[Grids, Tensor]:
    """Grids of groups of `size` columns, laid over the weights as the loop finds them, and codes [out, in] on them."""
    loop, grids, width = _Loop(weight.t().contiguous(), root), Grids(size), weight.shape[1]
    for first in range(0, width, block):
        last = min(first + block, width)
        starts = range(-(-first // size) * size, last, size)
        now = loop.updated(first, max(last, starts[-1] + size) if len(starts) else last)
        for at in starts:
            grids.add(lay(now[at - first : at - first + size].t().contiguous()))
        loop.begin(first, now)
        for k in range(first, last):
            loop.round(k, *grids.of(k))
        loop.end(last)
    return grids, loop.codes()


class _Loop:
    """The state between two columns. Everything is turned, [in, out], so that a column lies in one piece."""

    def __init__(self, weight: Tensor, root: Tensor) -> None:
        self._weight, self._root = weight, root
        self._passed = (root / root.diagonal()).t().contiguous()  # [k, j]: how much of column j's error k makes up for
        self._lost = torch.zeros_like(weight)
        self._codes: list[Tensor] = []

    def updated(self, first: int, last: int) -> Tensor:
        """float32 [last - first, out]: the best weights of these columns, now that those before `first` are rounded."""
        here = slice(first, last)
        pushed = self._root[:first, here].t() @ self._lost[:first]
        moved = torch.linalg.solve_triangular(self._root[here, here].t(), pushed, upper=False)
        return self._weight[here] + moved

    def begin(self, first: int, now: Tensor) -> None:
        """The next block of columns, with their weights now; what one of them loses reaches the others one by one."""
        self._first, self._now, self._errors = first, now, torch.empty_like(now)

    def round(self, k: int, frame: Frame, place: int) -> None:
        """The next column, which is number `place` of `frame`."""
        at = k - self._first
        target = torch.addmv(self._now[at], self._errors[:at].t(), self._passed[k, self._first : k])
        codes = grid.codes(target.unsqueeze(1), frame, place)
        torch.sub(self._now[at], grid.values(codes, frame, place).squeeze(1), out=self._errors[at])
        self._codes.append(codes.squeeze(1))

    def end(self, last: int) -> None:
        """After the last column of a block."""
        here, count = slice(self._first, last), last - self._first
        self._lost[here] = self._weight[here] - self._now[:count] + self._errors[:count]

    def codes(self) -> Tensor:
        """[out, in], in the order in which they were rounded."""
        return torch.stack(self._codes, 1)
