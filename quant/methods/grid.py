"""Rounding in two halves: `frame` says where the grid of each group lies, `codes` which of its values is nearest.

    codes = nearest((W - subtracted) * (1 / divisor)) + zero            W^ = (v[codes] - zero) * factor + offset

How the scale is chosen is the scheme's grid (`fits.py`). For the integer grids the arithmetic is that
of `torch.fake_quantize_per_channel_affine`, which multiplies by the float32 reciprocal; for ggml's formats it is
ggml's, which rounds with the scale as computed and stores it rounded. Everywhere else scales are rounded to their
stored format *before* the codes are computed, so that what is stored is what was meant.

A method that goes through a matrix column by column asks for the codes of some columns on a frame of the whole.
Training asks for `rounded`, whose gradient goes straight through every rounding (Bengio et al. 2013, arXiv:1308.3432)
to weights and scale: with `divisor` and `factor` one parameter, it is LSQ's (Esser et al. 2020, arXiv:1902.08153).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from quant.errors import SchemeError, WeightError
from quant.floats import Overflow
from quant.formats import NumberFormat
from quant.methods.fits import FITS, Fit, straight_through
from quant.nearest import Ties, nearest_magnitude
from quant.qtensor import QTensor, decoded, group, ungroup
from quant.scheme import CodesFrom, Flat, Grid, Offset, PerChannel, PerGroup, Scheme, Shape, Zero
from quant.text import Text

INDEX = 2**16 - 1


@dataclass(frozen=True, eq=False)
class Frame:
    """The grids of a matrix of `shape` under `scheme`; all numbers None for a plain cast.

    scale, zero, offset: as a QTensor stores them. divisor, factor: float32 [rows, groups], what a weight is divided by
    and a code's value multiplied by: both the stored scale, but CodesFrom.COMPUTED divides by the one it computed.
    subtracted: float32 [rows, groups] or [1, 1], what is taken off the weights first. shift: zero or offset before it
    was rounded, which takes its gradient. divides: whether a weight is divided by its divisor, as GPTQ's authors do,
    and not multiplied by the float32 reciprocal, as torch does: ties fall otherwise.
    """

    shape: Shape
    scheme: Scheme
    scale: Tensor | QTensor | None = None
    zero: Tensor | None = None
    offset: Tensor | QTensor | None = None
    divisor: Tensor | None = None
    factor: Tensor | None = None
    subtracted: Tensor | None = None
    shift: Tensor | None = None
    divides: bool = False

    def holding(self, codes: Tensor) -> QTensor:
        """The matrix that `codes` [out, in] stand for on these grids."""
        return QTensor(codes, self.scale, self.zero, self.scheme, self.offset)


def frame(weight: Tensor, scheme: Scheme) -> Frame:
    """The grids of a float matrix [out, in]. Differentiable.

    A group too small for the format of the scales has scale 0. Raises SchemeError where the granularity does not divide
    the matrix, a scale overflows its format, or the grid is one to be searched for.
    """
    shape = (weight.shape[0], weight.shape[1])
    scheme.groups(shape)
    if scheme.grid is Grid.UNIT:
        return Frame(shape, scheme)
    return _framed(FITS[scheme.grid](group(weight, scheme.granularity), scheme, weight), shape, scheme)


def spanning(ends: Tensor, shape: Shape, scheme: Scheme) -> Frame:
    """The grids of a matrix of `shape` whose groups reach from and to `ends` float32 [rows, groups, 2]. Differentiable.

    For the grids that look at nothing but the ends of a group. Raises SchemeError as `frame`.
    """
    return _framed(FITS[scheme.grid](ends, scheme, ends), shape, scheme)


def _framed(fit: Fit, shape: Shape, scheme: Scheme) -> Frame:
    assert scheme.scale is not None, "only casts and learned tables have none"
    scale = store(fit.scale, scheme.scale)
    factor = straight_through(decoded(scale), fit.scale)
    divisor = fit.scale if scheme.codes_from is CodesFrom.COMPUTED else factor
    offset = zero = shift = None
    if isinstance(scheme.shift, Offset) and fit.low is not None:
        offset, shift = store(fit.low, scheme.shift.store), fit.low
    if isinstance(scheme.shift, Zero) and fit.low is not None:
        shift = torch.where(factor > 0, -fit.low / torch.where(factor > 0, factor, 1.0), 0.0)
        zero = scheme.element.encode_integers(torch.round(shift.detach()))
    subtracted = fit.low if scheme.grid in (Grid.CENTRED, Grid.RANGE) else None
    return Frame(shape, scheme, scale, zero, offset, divisor, factor, subtracted, shift)


def codes(columns: Tensor, frame: Frame, first: int = 0) -> Tensor:
    """Nearest codes of `columns` float32 [out, k], those of the matrix from `first` on: [out, k], as in a QTensor."""
    if frame.divisor is None:
        return _cast(columns, frame.scheme.element)
    laid = _Laid(frame, first, columns.shape[1])
    if frame.scheme.grid is Grid.ABSMAX_GGML:
        assert frame.factor is not None
        assert frame.scheme.element.values is not None
        scale = laid.spread(frame.factor.detach())
        return laid.back(nearest_magnitude(laid.lay(columns), scale, frame.scheme.element.values))
    zero = None if frame.zero is None else laid.spread(frame.zero)
    scaled = _scaled(laid.lay(columns), frame, laid)
    if frame.scheme.grid is Grid.CENTRED:  # where there is nothing to scale bitsandbytes writes its first code
        scaled = torch.where(laid.spread(frame.divisor) > 0, _indexed(scaled), -1.0)
    return laid.back(_nearest(scaled, zero, frame.scheme))


def values(codes: Tensor, frame: Frame, first: int = 0) -> Tensor:
    """What `codes` [out, k] of the columns from `first` on stand for, float32, as `QTensor.dequantize` computes it."""
    found = frame.scheme.element.decode(codes).float()
    if frame.factor is None:
        return found
    laid = _Laid(frame, first, codes.shape[1])
    found = laid.lay(found)
    if frame.zero is not None:
        found = found - laid.spread(frame.zero)
    found = found * laid.spread(frame.factor.detach())
    return laid.back(found if frame.offset is None else found + laid.spread(decoded(frame.offset)))


def placed(weight: Tensor, frame: Frame) -> tuple[Tensor, Tensor | None]:
    """All of a matrix on the scale of its codes' values, float32 in groups, and zero points that broadcast, or None.

    The nearest value to the first, in which an integer is taken together with the zero point, is what `codes` takes.
    """
    if frame.divisor is None:
        return weight, None
    laid = _Laid(frame, 0, frame.shape[1])
    return _scaled(laid.lay(weight), frame, laid), None if frame.zero is None else laid.spread(frame.zero)


def unplaced(codes: Tensor, frame: Frame) -> Tensor:
    """Codes [out, in] of those in the shape that `placed` gives."""
    return codes if frame.divisor is None else _Laid(frame, 0, frame.shape[1]).back(codes)


def rounded(columns: Tensor, frame: Frame, first: int = 0) -> Tensor:
    """What the codes of `columns` [out, k] decode to, float32; the gradient goes straight through the rounding.

    Beyond the ends of the grid no gradient reaches the weights, only the scale, and the zero point or offset.
    """
    scheme, element = frame.scheme, frame.scheme.element
    values = element.decode(codes(columns.detach(), frame, first)).float()
    if frame.divisor is None or frame.factor is None:
        return straight_through(values, columns)
    laid = _Laid(frame, first, columns.shape[1])
    zero, offset = _shifts(frame, laid)
    low = -element.highest if scheme.omits_lowest else element.lowest
    inside = (_scaled(laid.lay(columns), frame, laid) + zero).clamp(low, element.highest) - zero
    return laid.back(straight_through(laid.lay(values) - zero, inside) * laid.spread(frame.factor) + offset)


def checked(weight: Tensor) -> Tensor:
    """`weight` as contiguous float32. Raises WeightError unless it is a non-empty matrix of finite numbers."""
    usable = weight.is_floating_point() and weight.layout is torch.strided and weight.device.type == "cpu"
    if not usable:
        raise WeightError(
            Text("Ha llegado un tensor {kind} en «{device}»; hace falta uno denso, de números en coma flotante y en "
                 "«cpu».",
                 "Got a tensor of {kind} on “{device}”; a dense one of floating-point numbers is needed, on “cpu”.")
            .format(kind=f"{weight.dtype}, {weight.layout}".replace("torch.", ""), device=str(weight.device))
        )  # fmt: skip
    if weight.ndim != 2 or weight.numel() == 0:
        raise WeightError(
            Text("Ha llegado un tensor de dimensiones {shape}; hace falta una matriz [salidas, entradas] no vacía.",
                 "Got a tensor of shape {shape}; a non-empty matrix [out, in] is needed.")
            .format(shape=str(tuple(weight.shape)))
        )  # fmt: skip
    weight = weight.detach().float().contiguous()
    # min and max carry NaN and infinity.
    low, high = torch.aminmax(weight)
    if not bool(torch.isfinite(low) & torch.isfinite(high)):
        bad = int((~torch.isfinite(weight)).sum())
        raise WeightError(
            Text("{bad} pesos no son finitos (NaN o infinito); solo se pueden cuantizar números finitos.",
                 "{bad} weights are not finite (NaN or infinity); only finite numbers can be quantized.")
            .format(bad=bad)
        )  # fmt: skip
    return weight


def store(values: Tensor, how: NumberFormat | Scheme) -> Tensor | QTensor:
    """Scales or offsets float32 [rows, groups] as they are stored. Raises SchemeError when one overflows."""
    values = values.detach()
    if isinstance(how, Scheme):
        values = checked(values)
        nested = frame(values, how)
        return nested.holding(codes(values, nested))
    stored = how.round(values)
    if not bool(torch.isfinite(stored).all()):
        raise SchemeError(
            Text("La escala {value} no cabe en {name} (máximo {highest}); usa bfloat16 o float32.",
                 "Scale {value} does not fit in {name} (largest {highest}); use bfloat16 or float32.")
            .format(value=float(values.abs().max()), name=how.name, highest=how.highest)
        )  # fmt: skip
    return stored


# ---- the nearest code


@dataclass(frozen=True)
class _Laid:
    """Columns beside the numbers that they share: [rows, groups, size] for all of a matrix, [out, k] for some of it."""

    frame: Frame
    first: int
    count: int

    @property
    def entire(self) -> bool:
        return self.count == self.frame.shape[1]

    def lay(self, columns: Tensor) -> Tensor:
        """[out, k] in that shape."""
        return group(columns, self.frame.scheme.granularity) if self.entire else columns

    def spread(self, numbers: Tensor) -> Tensor:
        """Numbers of the groups [rows, groups], or one for all [1, 1], so that they broadcast over `lay`'s shape."""
        if self.entire:
            return numbers.unsqueeze(-1)
        granularity = self.frame.scheme.granularity
        if numbers.numel() == 1 or isinstance(granularity, PerChannel):
            return numbers
        at = torch.arange(self.first, self.first + self.count)
        if isinstance(granularity, PerGroup):
            return numbers[:, at // granularity.size]
        assert isinstance(granularity, Flat), "PerTensor has one number"
        rows = torch.arange(self.frame.shape[0]).unsqueeze(1) * self.frame.shape[1]
        return numbers.reshape(-1)[(rows + at) // granularity.size]

    def back(self, laid: Tensor) -> Tensor:
        """The inverse of `lay`."""
        return ungroup(laid, (self.frame.shape[0], self.count)) if self.entire else laid


def _shifts(frame: Frame, laid: _Laid) -> tuple[Tensor | float, Tensor | float]:
    """Zero point and offset as they are stored, with gradients; 0 where there is none."""
    stored = frame.offset if frame.zero is None else frame.zero
    if stored is None or frame.shift is None:
        return 0.0, 0.0
    shift = laid.spread(straight_through(decoded(stored).float(), frame.shift))
    return (shift, 0.0) if frame.zero is not None else (0.0, shift)


def _scaled(laid: Tensor, frame: Frame, how: _Laid) -> Tensor:
    assert frame.divisor is not None
    known = torch.isfinite(1 / frame.divisor.detach())
    divisor = torch.where(known, frame.divisor, 1.0)  # no gradient of 1 / 0 either
    shifted = laid if frame.subtracted is None else laid - how.spread(frame.subtracted)
    if frame.divides:
        return torch.where(how.spread(known), shifted / how.spread(divisor), 0.0)
    return shifted * how.spread(torch.where(known, 1 / divisor, 0.0))


def _cast(weight: Tensor, element: NumberFormat) -> Tensor:
    """Codes of a plain cast; what is too large saturates."""
    return element.encode(weight, Overflow.SATURATE) if element.values is None else element.nearest(weight)


def _nearest(scaled: Tensor, zero: Tensor | None, scheme: Scheme) -> Tensor:
    element, ties = scheme.element, scheme.ties or scheme.element.ties
    if not element.is_integer:
        return element.nearest(scaled, ties)
    whole = _round_integers(scaled, ties, element.lowest)
    if zero is not None:
        whole += zero
    elif scheme.omits_lowest:
        # The lowest code (-8 of -8..7) is left out: the grid is symmetric, so that zero and signs are exact.
        whole.clamp_(-element.highest, element.highest)
    return element.encode_integers(whole)


def _indexed(scaled: Tensor) -> Tensor:
    """Numbers of -1 to 1 as bitsandbytes sees them: it looks codes up by a 16-bit index, and computes that in float32.

    Sum, product and sum each round to float32, which moves the index by up to 0.006: about one code in 100,000 is
    another than that of the index computed exactly. Whether a compiler fuses the last two changes no index.
    """
    index = torch.floor((scaled + 1) * 0.5 * INDEX + 0.5)
    return (index.double() / INDEX * 2 - 1).float()


def _round_integers(x: Tensor, ties: Ties, lowest: float) -> Tensor:
    if ties is Ties.UP:  # ggml's arithmetic: the shift makes every number positive, and truncates
        return torch.floor(x + (0.5 - lowest)) + lowest
    nearest = torch.round(x)
    if ties is Ties.AWAY:
        integer = torch.trunc(x)
        nearest = torch.where((x - integer).abs() == 0.5, integer + torch.sign(x), nearest)
    return nearest
