"""Round to nearest: divide by the scale, move to the nearest value. Every other method is measured against it.

    codes = nearest((W - offset) * (1 / scale)) + zero

How the scale is chosen is the scheme's grid; each grid is a function here. For the integer grids the arithmetic is that
of `torch.fake_quantize_per_channel_affine`, which multiplies by the float32 reciprocal; for ggml's formats it is
ggml's, which rounds with the scale as computed and stores it rounded. Everywhere else scales are rounded to their
stored format *before* the codes are computed, so that what is stored is what was meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quant.errors import SchemeError, WeightError
from quant.floats import Overflow
from quant.formats import FORMATS, NumberFormat
from quant.nearest import Ties
from quant.qtensor import QTensor, decoded, group, ungroup
from quant.scheme import CodesFrom, Grid, Offset, Scheme, Zero
from quant.text import Text

LOWEST_EXPONENT, HIGHEST_EXPONENT = -127, 127  # of the power-of-two scales
INDEX = 2**16 - 1


@dataclass(frozen=True)
class Frame:
    """Where a group's grid lies: float32 [rows, groups], `offset` possibly [1, 1]."""

    scale: Tensor
    offset: Tensor | None = None


def quantize(weight: Tensor, scheme: Scheme) -> QTensor:
    """Round a float matrix [out, in] to `scheme`. Deterministic.

    A group of zeros decodes to zeros, and so does one too small for the format of the scales. Raises WeightError on
    NaN, infinity or a tensor that is not a matrix, SchemeError where the granularity does not divide it, a scale
    overflows its format, or the grid is one to be searched for.
    """
    weight = checked(weight)
    scheme.groups((weight.shape[0], weight.shape[1]))
    if scheme.scale is None:
        return QTensor(_cast(weight, scheme.element), None, None, scheme)
    frame = _FRAMES[scheme.grid](group(weight, scheme.granularity), scheme, weight)
    scale = store(frame.scale, scheme.scale)
    used = frame.scale if scheme.codes_from is CodesFrom.COMPUTED else decoded(scale)
    inverse = 1 / used
    inverse = torch.where(torch.isfinite(inverse), inverse, 0.0).unsqueeze(-1)
    shifted = weight if scheme.grid is not Grid.CENTRED or frame.offset is None else weight - frame.offset
    grouped = group(shifted, scheme.granularity)
    if scheme.grid is Grid.RANGE and frame.offset is not None:
        grouped = grouped - frame.offset.unsqueeze(-1)
    scaled = grouped * inverse
    zero = _zero_point(frame, decoded(scale), scheme)
    codes = ungroup(_codes(scaled, zero, scheme), (weight.shape[0], weight.shape[1]))
    if isinstance(scheme.shift, Offset) and frame.offset is not None:
        return QTensor(codes, scale, None, scheme, store(frame.offset, scheme.shift.store))
    return QTensor(codes, scale, zero, scheme)


def checked(weight: Tensor) -> Tensor:
    """`weight` as contiguous float32. Raises WeightError unless it is a non-empty matrix of finite numbers."""
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


def _cast(weight: Tensor, element: NumberFormat) -> Tensor:
    """Codes of a plain cast; what is too large saturates."""
    return element.encode(weight, Overflow.SATURATE) if element.values is None else element.nearest(weight)


def _absmax(grouped: Tensor, scheme: Scheme, _: Tensor) -> Frame:
    low, high = torch.aminmax(grouped, dim=-1)
    return Frame(torch.maximum(low.abs(), high) / scheme.element.highest)


def _minmax(grouped: Tensor, scheme: Scheme, _: Tensor) -> Frame:
    """The range is stretched to contain 0, so that 0 stays exact."""
    low, high = torch.aminmax(grouped, dim=-1)
    low, high = low.clamp(max=0), high.clamp(min=0)
    return Frame((high - low) / scheme.element.highest, low)


def _signed_max(grouped: Tensor, scheme: Scheme, _: Tensor) -> Frame:
    """The weight of largest magnitude, sign and all, gets the lowest code; of two equal ones the first."""
    low, high = torch.aminmax(grouped, dim=-1)
    largest = torch.where(high > -low, high, low)
    tied = (high == -low) & (high > 0)
    if bool(tied.any()):
        members = grouped[tied]
        hits = members.abs() == high[tied].unsqueeze(-1)
        first = torch.where(hits, torch.arange(members.shape[-1]), members.shape[-1]).amin(-1, keepdim=True)
        largest[tied] = members.gather(-1, first).squeeze(-1)
    return Frame(largest / scheme.element.lowest)


def _range(grouped: Tensor, scheme: Scheme, _: Tensor) -> Frame:
    low, high = torch.aminmax(grouped, dim=-1)
    return Frame((high - low) / scheme.element.highest, low)


def _power_of_two(grouped: Tensor, scheme: Scheme, _: Tensor) -> Frame:
    low, high = torch.aminmax(grouped, dim=-1)
    largest = torch.maximum(low.abs(), high)
    top = torch.frexp(torch.tensor(scheme.element.highest)).exponent
    exponent = (torch.frexp(largest).exponent - top).clamp(LOWEST_EXPONENT, HIGHEST_EXPONENT)
    exponent = torch.where(largest > 0, exponent, LOWEST_EXPONENT)
    return Frame(FORMATS["float8_e8m0fnu"].decode(exponent - LOWEST_EXPONENT))


def _centred(_: Tensor, scheme: Scheme, weight: Tensor) -> Frame:
    mean = weight.mean().view(1, 1)
    return Frame(_absmax(group(weight - mean, scheme.granularity), scheme, weight).scale, mean)


def _searched(_: Tensor, scheme: Scheme, weight: Tensor) -> Frame:
    raise SchemeError(
        Text("{name} busca sus escalas: no se obtiene por simple redondeo.",
             "{name} searches for its scales: plain rounding does not give it.")
        .format(name=scheme.name or scheme.grid.name)
    )  # fmt: skip


_FRAMES: dict[Grid, Callable[[Tensor, Scheme, Tensor], Frame]] = {
    Grid.ABSMAX: _absmax, Grid.MINMAX: _minmax, Grid.SIGNED_MAX: _signed_max, Grid.RANGE: _range,
    Grid.POWER_OF_TWO: _power_of_two, Grid.CENTRED: _centred, Grid.SEARCH: _searched,
}  # fmt: skip


def _zero_point(frame: Frame, scale: Tensor, scheme: Scheme) -> Tensor | None:
    if not isinstance(scheme.shift, Zero) or frame.offset is None:
        return None
    return scheme.element.encode_integers(torch.where(scale > 0, torch.round(-frame.offset / scale), 0.0))


def _codes(scaled: Tensor, zero: Tensor | None, scheme: Scheme) -> Tensor:
    element, ties = scheme.element, scheme.ties or scheme.element.ties
    if scheme.grid is Grid.CENTRED:  # bitsandbytes finds the code by a 16-bit index, so that is what is rounded first
        scaled = (torch.round((scaled.double() + 1) / 2 * INDEX) / INDEX * 2 - 1).float()
    if not element.is_integer:
        return element.nearest(scaled, ties)
    rounded = _round_integers(scaled, ties, element.lowest)
    if zero is not None:
        rounded += zero.unsqueeze(-1)
    elif scheme.omits_lowest:
        # The lowest code (-8 of -8..7) is left out: the grid is symmetric, so that zero and signs are exact.
        rounded.clamp_(-element.highest, element.highest)
    return element.encode_integers(rounded)


def _round_integers(x: Tensor, ties: Ties, lowest: float) -> Tensor:
    if ties is Ties.UP:  # ggml's arithmetic: the shift makes every number positive, and truncates
        return torch.floor(x + (0.5 - lowest)) + lowest
    rounded = torch.round(x)
    if ties is Ties.AWAY:
        whole = torch.trunc(x)
        rounded = torch.where((x - whole).abs() == 0.5, whole + torch.sign(x), rounded)
    return rounded


def store(values: Tensor, how: NumberFormat | Scheme) -> Tensor | QTensor:
    """Scales or offsets float32 [rows, groups] as they are stored. Raises SchemeError when one overflows."""
    if isinstance(how, Scheme):
        return quantize(values, how)
    stored = how.round(values)
    if not bool(torch.isfinite(stored).all()):
        raise SchemeError(
            Text("La escala {value} no cabe en {name} (máximo {highest}); usa bfloat16 o float32.",
                 "Scale {value} does not fit in {name} (largest {highest}); use bfloat16 or float32.")
            .format(value=float(values.abs().max()), name=how.name, highest=how.highest)
        )  # fmt: skip
    return stored
