"""Clip the few largest weights of a group to make the steps of all others smaller.

    c = the p-th quantile of |w| in the group,  grid = that of clip(w, -c, c),  codes = nearest(w) on it

Weights beyond c take the last value. With p = 1 nothing is clipped, and this is rounding to nearest. Between two
weights the quantile is interpolated. It is the oldest observer of calibration for activations (Wu et al. 2020,
arXiv:2004.09602); on weights it knows nothing of what a clipped weight does, which is why it loses where a few large
ones matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from quant.errors import SchemeError
from quant.methods import grid
from quant.methods.base import Method, Statistics, knob
from quant.qtensor import QTensor, group, ungroup
from quant.scheme import INTEGER_GRIDS, Scheme
from quant.text import Text
from quant.weight import QuantWeight


@dataclass(frozen=True)
class Knobs:
    """Where to clip."""

    share: float = knob(
        0.99, 0.9, 1.0, 0.005, Text("Percentil", "Percentile"),
        Text("La parte de los pesos de cada grupo que no se recorta; con 1 es el redondeo de siempre.",
             "The share of each group's weights that is not clipped; with 1 it is plain rounding."),
    )  # fmt: skip


def quantize(weight: Tensor, scheme: Scheme, share: float) -> QTensor:
    """Round a float matrix [out, in] on the grid of its weights clipped to the quantile `share` of their magnitudes."""
    weight = grid.checked(weight)
    if share < 1:
        grouped = group(weight, scheme.granularity)
        most = quantile(grouped.abs(), share)
        frame = grid.frame(ungroup(grouped.clamp(-most, most), (weight.shape[0], weight.shape[1])), scheme)
    else:
        frame = grid.frame(weight, scheme)
    return frame.holding(grid.codes(weight, frame))


def quantile(x: Tensor, share: float) -> Tensor:
    """The quantile of [..., n] along its last side, interpolated linearly: [..., 1]. `torch.quantile` has a limit."""
    place = share * (x.shape[-1] - 1)
    below = math.floor(place)
    top = x.topk(x.shape[-1] - below, dim=-1).values  # falling; the last is the one below
    low, high = top[..., -1:], top[..., -2:-1] if below < x.shape[-1] - 1 else top[..., -1:]
    return torch.lerp(low, high, place - below)


def _check(scheme: Scheme, knobs: Knobs) -> None:
    if scheme.grid not in INTEGER_GRIDS:
        raise SchemeError(
            Text("{name} no se puede recortar por percentil; hace falta una de las rejillas {allowed}.",
                 "{name} cannot be clipped by a percentile; it takes one of the grids {allowed}.")
            .format(name=scheme.name or scheme.grid.name, allowed=", ".join(g.name for g in INTEGER_GRIDS))
        )  # fmt: skip


def _run(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: Knobs, generator: Generator | None
         ) -> QuantWeight:  # fmt: skip
    return QuantWeight(quantize(weight, scheme, knobs.share))


METHOD: Method[Knobs] = Method(
    "percentile",
    Text("Recorte por percentil", "Percentile clipping"),
    Text("Recorta los pocos pesos más grandes de cada grupo para que los pasos entre valores sean más finos para los "
         "demás. Ayuda donde un peso suelto estira la escala de muchos (una escala por fila o por matriz, pocos bits); "
         "donde los pesos grandes importan, estorba.",
         "Clips the few largest weights of each group, so that the steps between values are finer for all others. It "
         "helps where one weight stretches the scale of many (a scale per row or matrix, few bits); where large "
         "weights matter it does harm."),
    "Wu et al. 2020, arXiv:2004.09602",
    _run,
    _check,
    knobs=Knobs,
)  # fmt: skip
