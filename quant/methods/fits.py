"""Where a grid lies: the scale of each group, and where its codes begin, by the scheme's own rule; one function each.

Each takes the groups [rows, groups, size] of a matrix, its scheme and the matrix itself, and is differentiable but for
the powers of two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from quant.errors import SchemeError
from quant.formats import FORMATS
from quant.qtensor import group
from quant.scheme import Grid, Scheme
from quant.text import Text

LOWEST_EXPONENT, HIGHEST_EXPONENT = -127, 127  # of the power-of-two scales
HALF_E4M3 = 1 << 19  # half of what E4M3's last bit is worth in a float32 taken as an integer
LAST_E4M3 = 256.0  # from here on ggml has no other number than the highest
_E4M3 = FORMATS["float8_e4m3fn"]


class Fit(NamedTuple):
    """What a grid chooses, float32 [rows, groups] and not yet as stored; `low`, possibly [1, 1], where codes begin."""

    scale: Tensor
    low: Tensor | None = None


def ends(grouped: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest of each group [rows, groups]. In groups of 64 a fifth of what `torch.aminmax` takes."""
    return grouped.amin(-1), grouped.amax(-1)


def _absmax(grouped: Tensor, scheme: Scheme, _: Tensor) -> Fit:
    low, high = ends(grouped)
    return Fit(torch.maximum(low.abs(), high) / scheme.element.highest)


def _half(grouped: Tensor, scheme: Scheme, _: Tensor) -> Fit:
    """Half a step beyond the highest code: the range that 2**b steps of equal width cover."""
    low, high = ends(grouped)
    return Fit(torch.maximum(low.abs(), high) / (scheme.element.highest + 0.5))


def _minmax(grouped: Tensor, scheme: Scheme, _: Tensor) -> Fit:
    """The range is stretched to contain 0, so that 0 stays exact."""
    low, high = ends(grouped)
    low, high = low.clamp(max=0), high.clamp(min=0)
    return Fit((high - low) / scheme.element.highest, low)


def _signed_max(grouped: Tensor, scheme: Scheme, _: Tensor) -> Fit:
    """The weight of largest magnitude, sign and all, gets the lowest code; of two equal ones the first."""
    low, high = ends(grouped)
    largest = torch.where(high > -low, high, low)
    tied = (high == -low) & (high > 0)
    if bool(tied.any()):
        members = grouped[tied]
        hits = members.abs() == high[tied].unsqueeze(-1)
        first = torch.where(hits, torch.arange(members.shape[-1]), members.shape[-1]).amin(-1, keepdim=True)
        largest[tied] = members.gather(-1, first).squeeze(-1)
    return Fit(largest / scheme.element.lowest)


def _range(grouped: Tensor, scheme: Scheme, _: Tensor) -> Fit:
    low, high = ends(grouped)
    return Fit((high - low) / scheme.element.highest, low)


def _power_of_two(grouped: Tensor, scheme: Scheme, _: Tensor) -> Fit:
    low, high = ends(grouped.detach())
    largest = torch.maximum(low.abs(), high)
    return _power(torch.frexp(largest).exponent - 1, largest, scheme)


def _power_of_two_ggml(grouped: Tensor, scheme: Scheme, _: Tensor) -> Fit:
    """By the logarithm, in float32: the float32 just below a power of two may have that power's (0.99999994 has not).

    Where max|w| is under 2**-125, ggml's C code converts a negative number to a byte, which C does not define; here
    the scale stays the smallest.
    """
    low, high = ends(grouped.detach())
    largest = torch.maximum(low.abs(), high)
    return _power(largest.double().log2().float().floor(), largest, scheme)


def _power(binade: Tensor, largest: Tensor, scheme: Scheme) -> Fit:
    """The powers of two that bring 2**binade to the element's top binade; the smallest for groups of zeros."""
    top = torch.frexp(torch.tensor(scheme.element.highest)).exponent - 1
    exponent = (binade - top).clamp(LOWEST_EXPONENT, HIGHEST_EXPONENT)
    exponent = torch.where(largest > 0, exponent, LOWEST_EXPONENT)
    return Fit(FORMATS["float8_e8m0fnu"].decode(exponent - LOWEST_EXPONENT))


def _absmax_ggml(grouped: Tensor, scheme: Scheme, weight: Tensor) -> Fit:
    """ABSMAX rounded to E4M3 by ggml's rules: ties up, at most 7 * 2**-9 below the normal numbers, 448 from 248 on."""
    exact = _absmax(grouped, scheme, weight).scale
    scale = exact.detach()
    subnormal = torch.floor(scale * 2**9 + 0.5).clamp(max=7) / 2**9
    normal = ((scale.view(torch.int32) + HALF_E4M3) & -2 * HALF_E4M3).view(torch.float32)
    normal = torch.where(normal < LAST_E4M3, normal, _E4M3.highest)
    return Fit(straight_through(torch.where(scale < 2**-6, subnormal, normal), exact))


def _centred(_: Tensor, scheme: Scheme, weight: Tensor) -> Fit:
    """The mean is torch's, as bitsandbytes' is: of more than 32,768 its last bit depends on the number of threads."""
    mean = weight.mean().view(1, 1)
    return Fit(_absmax(group(weight - mean, scheme.granularity), scheme, weight).scale, mean)


def _searched(_: Tensor, scheme: Scheme, weight: Tensor) -> Fit:
    raise searched(scheme)


def searched(scheme: Scheme) -> SchemeError:
    """The error for a scheme whose grids no formula gives."""
    return SchemeError(
        Text("{name} busca sus {what}: no se obtiene por simple redondeo.",
             "{name} searches for its {what}: plain rounding does not give it.")
        .format(name=scheme.name or scheme.grid.name,
                what=Text("valores", "values") if scheme.grid is Grid.LEARNED else Text("escalas", "scales"))
    )  # fmt: skip


def check_formula(scheme: Scheme) -> None:
    """Raise SchemeError for a scheme whose grids no formula gives, and for a plain cast, which has no scale to gain."""
    if scheme.grid in (Grid.SEARCH, Grid.LEARNED):
        raise searched(scheme)
    if scheme.grid is Grid.UNIT:
        raise SchemeError(
            Text("{name} se guarda sin escala, así que este método no tiene nada que ganar: usa «rtn».",
                 "{name} is stored without a scale, so that this method has nothing to gain: use “rtn”.")
            .format(name=scheme.element.name)
        )  # fmt: skip


FITS: dict[Grid, Callable[[Tensor, Scheme, Tensor], Fit]] = {
    Grid.ABSMAX: _absmax, Grid.HALF: _half, Grid.MINMAX: _minmax, Grid.SIGNED_MAX: _signed_max, Grid.RANGE: _range,
    Grid.POWER_OF_TWO: _power_of_two, Grid.POWER_OF_TWO_GGML: _power_of_two_ggml, Grid.ABSMAX_GGML: _absmax_ggml,
    Grid.CENTRED: _centred, Grid.SEARCH: _searched, Grid.LEARNED: _searched,
}  # fmt: skip


# ---- gradients


class _StraightThrough(torch.autograd.Function):
    """Gives one tensor and takes its gradient for another's."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, meant: Tensor) -> Tensor:
        return given.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, gradient


def straight_through(given: Tensor, meant: Tensor) -> Tensor:
    """`given`, whose gradient goes to `meant` where that wants one; both of one shape."""
    return _StraightThrough.apply(given, meant) if meant.requires_grad else given
