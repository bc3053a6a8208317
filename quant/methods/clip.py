"""Search for scales: shrink the range of each group, round, refit, keep what loses least.

    minimize over scale, zero or offset:    sum w (x - W^(x))**2        w: 1, or the mean square of the column's input

The plain grids (integers with no shift, a zero point or an offset; tables and small floats times a scale) are tried at
a row of shares of their range, as the observers of squared error do (OCTAV, Sakr et al. 2022, arXiv:2206.06501, solves
for the one best share by Newton's method). From the best, the codes are held and the scale (and zero or offset) solved
by weighted least squares, a few times over. Each candidate is judged as it would be *stored*, and the plain grid is
the first, so that no group ever loses more than by rounding. Weighing each column is llama.cpp's importance matrix
(quantize_row with an imatrix), here for grids that are not its own; the error of an output is sum over columns of
(error * input), and its mean square is this sum where the columns' inputs are uncorrelated.

K-quants, IQ4 and Q4_0 have a search of their own (kquant.py), which these methods take for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from quant.errors import SchemeError
from quant.formats import NumberFormat
from quant.methods import grid, kquant
from quant.methods.base import Method, NoKnobs, Statistic, Statistics
from quant.methods.search import inverse
from quant.methods.superblock import representable
from quant.qtensor import QTensor, group
from quant.scheme import INTEGER_GRIDS, Offset, PerChannel, PerGroup, Scheme, Zero
from quant.text import Text
from quant.weight import QuantWeight

SHARES = (0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.5, 0.4)  # of the range
ROUNDS = 3  # of least squares from the best share
CHUNK = 131_072  # weights at a time: what a core's cache holds


class Found(NamedTuple):
    """float32 [n] each: weighted squared error, scale, and what is added after scaling (or whole zero points)."""

    error: Tensor
    scale: Tensor
    shift: Tensor

    def or_better(self, new: Found) -> Found:
        """Of each group the one with the smaller error."""
        wins = new.error < self.error
        return Found(*(torch.where(wins, n, b) for n, b in zip(new, self, strict=True)))


def quantize(weight: Tensor, scheme: Scheme, importance: Tensor | None = None) -> QTensor:
    """The codes and scales of `scheme` that lose least of those tried. Deterministic.

    weight: [out, in]; importance: [in], how much a squared error counts in each column, the same in all unless given.
    Raises WeightError and SchemeError as rounding does, and SchemeError for a scheme that `check` refuses.
    """
    check(scheme)
    weight = grid.checked(weight)
    plain = grid.frame(weight, scheme)
    assert plain.factor is not None, "a cast is refused"
    first_shift = torch.zeros_like(plain.factor)
    if plain.zero is not None:
        first_shift = plain.zero.float()
    elif isinstance(plain.offset, Tensor):
        first_shift = plain.offset
    scales, shifts, first = [], [], 0
    for x, w in _pieces(weight, scheme, importance):
        some = slice(first, first := first + x.shape[1])
        found = _Groups(x, w, scheme).best(plain.factor.view(-1)[some], first_shift.view(-1)[some])
        scales.append(found.scale)
        shifts.append(found.shift)
    scale, shift = (torch.cat(part).view(plain.factor.shape) for part in (scales, shifts))
    frame = replace(plain, scale=scale, divisor=scale, factor=scale)
    if isinstance(scheme.shift, Zero):
        frame = replace(frame, zero=scheme.element.encode_integers(shift))
    if isinstance(scheme.shift, Offset):
        frame = replace(frame, offset=shift, subtracted=shift)
    return frame.holding(grid.codes(weight, frame))


def check(scheme: Scheme) -> None:
    """Raise SchemeError for a scheme whose scales cannot be searched for here."""
    stores = [scheme.scale, *([scheme.shift.store] if isinstance(scheme.shift, Offset) else [])]
    if scheme.grid not in INTEGER_GRIDS or not all(isinstance(how, NumberFormat) for how in stores):
        raise SchemeError(
            Text("{name} no admite búsqueda de escalas: hace falta una de las rejillas {grids} con escalas en coma "
                 "flotante, o los formatos de ggml que ya la llevan.",
                 "{name} has no search for scales: it takes one of the grids {grids} with floating-point scales, or "
                 "one of ggml's formats that are searched for anyway.")
            .format(name=scheme.name or scheme.grid.name, grids=", ".join(g.name for g in INTEGER_GRIDS))
        )  # fmt: skip


def _pieces(weight: Tensor, scheme: Scheme, importance: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    """The groups in order, some at a time, each down a column: weights [size, n] and how much each counts."""
    rows, per_row, size = scheme.groups((weight.shape[0], weight.shape[1]))
    counts = None if importance is None else kquant.usable_importance(importance, weight.shape[1])
    if isinstance(scheme.granularity, PerGroup | PerChannel):
        some_rows = max(CHUNK // weight.shape[1], 1)
        shared = None if counts is None else counts.view(per_row, size).t()
        for some in weight.split(some_rows):
            w = None if shared is None else shared.repeat(1, len(some))
            yield some.view(-1, size).t().contiguous(), w
        return
    grouped = group(weight, scheme.granularity).view(-1, size)
    counts = torch.ones(weight.shape[1]) if counts is None and grouped.numel() > weight.numel() else counts
    spread = None if counts is None else group(counts.expand(weight.shape).contiguous(), scheme.granularity)
    for first in range(0, rows * per_row, some_groups := max(CHUNK // size, 1)):
        piece = slice(first, first + some_groups)
        w = None if spread is None else spread.view(-1, size)[piece].t().contiguous()
        yield grouped[piece].t().contiguous(), w


@dataclass(frozen=True)
class _Groups:
    """x: float32 [size, n], a group down a column; w: how much each weight counts, or None for all alike."""

    x: Tensor
    w: Tensor | None
    scheme: Scheme

    def best(self, scale: Tensor, shift: Tensor) -> Found:
        """The best of the grid given, its shares, and what least squares makes of them."""
        best = self.judged(scale, shift)
        middle = shift + scale * (self.scheme.element.highest / 2)  # of an offset grid, which shrinks towards it
        for share in SHARES:
            smaller = self.stored(scale * share)
            best = best.or_better(self.judged(smaller, self.shrunk(shift, middle, share)))
        for _ in range(ROUNDS):
            for scale_, shift_ in self.refits(best):
                best = best.or_better(self.judged(scale_, shift_))
        return best

    def shrunk(self, shift: Tensor, middle: Tensor, share: float) -> Tensor:
        if not isinstance(self.scheme.shift, Offset):
            return shift  # an integer zero point stays where it was
        return self.stored_shift(middle + (shift - middle) * share)

    def judged(self, scale: Tensor, shift: Tensor) -> Found:
        values = self.values(scale, shift)
        error = values.mul_(scale).sub_(self.target(shift)).square_()
        return Found((error if self.w is None else error.mul_(self.w)).sum(0), scale, shift)

    def target(self, shift: Tensor) -> Tensor:
        """What scale times value should be."""
        return self.x - shift if isinstance(self.scheme.shift, Offset) else self.x

    def values(self, scale: Tensor, shift: Tensor) -> Tensor:
        """The values nearest to the weights, [size, n]; of zero points less these."""
        element, ratio = self.scheme.element, self.target(shift) * inverse(scale)
        if not element.is_integer:
            return element.decode(element.nearest(ratio, self.scheme.ties))
        whole = ratio.round_()
        if isinstance(self.scheme.shift, Zero):
            return torch.minimum(torch.maximum(whole, -shift, out=whole), element.highest - shift, out=whole)
        return whole.clamp_(-element.highest if self.scheme.omits_lowest else element.lowest, element.highest)

    def refits(self, found: Found) -> Iterator[tuple[Tensor, Tensor]]:
        """Scale and shift that fit best the codes which these give."""
        v = self.values(found.scale, found.shift)
        wv = v if self.w is None else v * self.w
        vv, vx = (wv * v).sum(0), (wv * self.x).sum(0)
        if not isinstance(self.scheme.shift, Offset):
            yield self.stored(vx * inverse(vv)), found.shift
        if self.scheme.shift is None:
            return
        # Least squares for x = scale v + added
        total = torch.full_like(vv, len(v)) if self.w is None else self.w.sum(0)
        mean_v, mean_x = wv.sum(0) / total, (self.x if self.w is None else self.x * self.w).sum(0) / total
        scale = self.stored((vx - total * mean_v * mean_x) * inverse(vv - total * mean_v.square()))
        added = mean_x - scale * mean_v
        if isinstance(self.scheme.shift, Offset):
            yield scale, self.stored_shift(added)
        else:
            moved = torch.round(found.shift - added * inverse(scale))
            yield scale, moved.clamp_(0, self.scheme.element.highest)

    def stored(self, scale: Tensor) -> Tensor:
        assert isinstance(self.scheme.scale, NumberFormat), "checked before"
        return representable(scale, self.scheme.scale)

    def stored_shift(self, shift: Tensor) -> Tensor:
        assert isinstance(self.scheme.shift, Offset)
        assert isinstance(self.scheme.shift.store, NumberFormat), "checked before"
        return representable(shift, self.scheme.shift.store)


# ---- as methods


def _quantize(weight: Tensor, scheme: Scheme, importance: Tensor | None) -> QuantWeight:
    own = kquant.takes(scheme)
    return QuantWeight(kquant.quantize(weight, scheme, importance) if own else quantize(weight, scheme, importance))


def _check(scheme: Scheme, knobs: NoKnobs) -> None:
    if not kquant.takes(scheme):
        check(scheme)


def _search(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: NoKnobs, generator: Generator | None
            ) -> QuantWeight:  # fmt: skip
    return _quantize(weight, scheme, None)


def _weighted(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: NoKnobs, generator: Generator | None
              ) -> QuantWeight:  # fmt: skip
    return _quantize(weight, scheme, statistics.squares)


SEARCH = Method(
    "search",
    Text("Búsqueda de escalas", "Search for scales"),
    Text("Prueba para cada grupo varias escalas, desde la que abarca todos sus pesos hasta otras que recortan los más "
         "grandes, y se queda con la de menor error cuadrático. Su error cuadrático en los pesos nunca es mayor que el "
         "del redondeo; el del modelo sí puede serlo. Se nota con pocos bits.",
         "Tries several scales for each group, from the one that spans all its weights to those that clip the largest, "
         "and keeps the one with the least squared error. Its squared error on the weights is never larger than that "
         "of rounding; that of the model can be. Few bits are where it shows."),
    "Sakr et al. 2022, arXiv:2206.06501; the formats of ggml 0.25; the search is this project's own",
    _search,
    _check,
)  # fmt: skip
IMPORTANCE = Method(
    "importance",
    Text("Búsqueda con importancia", "Search by importance"),
    Text("Busca la escala de menor error, y el de cada columna cuenta según lo grandes que suelen ser sus entradas en "
         "un texto de calibración: es la «imatrix» de llama.cpp. Ayuda donde unas columnas reciben números mucho "
         "mayores que otras; en el modelo incluido baja el error de cada capa, pero no siempre el del modelo.",
         "Searches for the scale of least error, and that of each column counts by how large its inputs usually are on "
         "a calibration text: it is llama.cpp's “imatrix”. It helps where some columns are given much larger numbers "
         "than others; on the built-in model it lowers the error of each layer, but not always that of the model."),
    "llama.cpp's imatrix, ggml 0.25; the search is this project's own",
    _weighted,
    _check,
    needs=frozenset({Statistic.SQUARES}),
)  # fmt: skip
