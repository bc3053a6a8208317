"""What rounding makes of a matrix, for searches that round it dozens of times: its values, and no codes on the way.

`rtn` gives codes in bytes and turns them back into values; a search wants the values alone, of weights that it has just
changed and will not need again. `rounded_` gives exactly those of `rtn.quantize(...).dequantize()`, and for integers
with scales of their own it overwrites what it is given, a piece of the matrix at a time that a core's cache holds:
a third of the time. Every other scheme goes the usual way.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from quant.formats import NumberFormat
from quant.methods import grid, rtn
from quant.methods.search import inverse
from quant.nearest import Ties
from quant.qtensor import decoded, group, ungroup
from quant.scheme import INTEGER_GRIDS, Offset, PerChannel, PerGroup, Scheme

CHUNK = 1 << 19  # weights in a piece


def pieces(shape: tuple[int, int], scheme: Scheme) -> Iterator[slice]:
    """The rows of a matrix of `shape`, some at a time; all at once where a grid crosses them."""
    rows = shape[0]
    some = max(1, CHUNK // shape[1]) if _in_rows(scheme) else rows
    yield from (slice(first, min(first + some, rows)) for first in range(0, rows, some))


def rounded_(weight: Tensor, scheme: Scheme) -> Tensor:
    """What `weight` float32 [out, in], all of it or one of `pieces`, decodes to once rounded; may overwrite `weight`.

    Raises SchemeError as `grid.frame` does.
    """
    if not _in_place(scheme):
        return rtn.quantize(weight, scheme).dequantize()
    frame = grid.frame(weight, scheme)
    assert frame.divisor is not None
    assert frame.factor is not None
    element, found = scheme.element, group(weight, scheme.granularity)
    if frame.subtracted is not None:
        found.sub_(frame.subtracted.unsqueeze(-1))
    found.mul_(inverse(frame.divisor).unsqueeze(-1)).round_()
    if frame.zero is not None:
        # Within the codes' ends as they lie around the zero point: what adding, clamping and subtracting it gives.
        zero = frame.zero.float().unsqueeze(-1)
        torch.minimum(found, element.highest - zero, out=found)
        torch.maximum(found, element.lowest - zero, out=found)
    else:
        found.clamp_(-element.highest if scheme.omits_lowest else element.lowest, element.highest)
    found.mul_(frame.factor.unsqueeze(-1))
    if frame.offset is not None:
        found.add_(decoded(frame.offset).unsqueeze(-1))
    return ungroup(found, (weight.shape[0], weight.shape[1]))


def _in_rows(scheme: Scheme) -> bool:
    """Whether the grids of some rows are what they are in the entire matrix."""
    stores = [scheme.scale, *([scheme.shift.store] if isinstance(scheme.shift, Offset) else [])]
    plain = scheme.grid in INTEGER_GRIDS and all(isinstance(how, NumberFormat) for how in stores)
    return plain and isinstance(scheme.granularity, PerGroup | PerChannel)


def _in_place(scheme: Scheme) -> bool:
    return _in_rows(scheme) and scheme.element.is_integer and (scheme.ties or scheme.element.ties) is Ties.EVEN
