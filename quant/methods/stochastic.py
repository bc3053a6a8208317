"""Stochastic rounding: up or down by chance, the nearer value the more often, so that the mean is the weight.

    codes = floor(w / s + u),  u uniform in [0, 1)        E[W^] = w        E[(W^ - w)**2] = s**2 f (1 - f) >= nearest's

f: the part of w / s beyond the value below. On values that are not equally far apart the chance of the upper one is the
share of the way to it. Averaged over where weights fall its squared error is twice that of the nearest value (s**2 / 6
against s**2 / 12). A weight is rounded once, so that nothing averages its chance out: here it loses. In training it is
rounded at each step, and updates smaller than a step would be lost without it (Gupta et al. 2015, arXiv:1502.02551);
training in FP8 and FP4 rounds gradients so.

Beyond the ends of the grid there is nothing to choose, and the last value is taken, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from quant.errors import SchemeError
from quant.methods import grid
from quant.methods.base import Method, Statistics, knob
from quant.methods.fits import searched
from quant.qtensor import QTensor
from quant.scheme import Grid, Scheme
from quant.text import Text
from quant.weight import QuantWeight


@dataclass(frozen=True)
class Knobs:
    """Which draw."""

    seed: int = knob(
        0, 0, 999, 1, Text("Semilla", "Seed"),
        Text("Con otra semilla, otra tirada: otros pesos suben y otros bajan.",
             "Another seed is another draw: other weights go up, others down."),
    )  # fmt: skip


def quantize(weight: Tensor, scheme: Scheme, generator: Generator) -> QTensor:
    """Round a float matrix [out, in] by chance to `scheme`, whose grid is that of rounding to nearest.

    Raises WeightError and SchemeError as rounding to nearest does.
    """
    weight = grid.checked(weight)
    frame = grid.frame(weight, scheme)
    scaled, zero = grid.placed(weight, frame)
    chance = torch.rand(scaled.shape, generator=generator)
    return frame.holding(grid.unplaced(_drawn(scaled, zero, chance, scheme), frame))


def _drawn(scaled: Tensor, zero: Tensor | None, chance: Tensor, scheme: Scheme) -> Tensor:
    """uint8 codes of numbers on the grid's own scale, same shape; `zero` broadcasts."""
    element = scheme.element
    if element.is_integer:
        whole = torch.floor(scaled + chance)
        if zero is not None:
            whole += zero
        return element.encode_integers(whole.clamp_(min=-element.highest) if scheme.omits_lowest else whole)
    assert element.values is not None, "the check refuses what has no table"
    known = torch.nonzero(element.values.isfinite()).view(-1)
    codes = known[element.values[known].sort(stable=True).indices]
    values = element.values[codes]
    below = (torch.searchsorted(values, scaled.contiguous(), right=True) - 1).clamp_(0, len(values) - 2)
    low, high = values[below], values[below + 1]
    far = (scaled - low) / (high - low).clamp_(min=torch.finfo(torch.float32).tiny)  # two zeros are no step apart
    return codes[below + (chance < far)].to(torch.uint8)


def _check(scheme: Scheme, knobs: Knobs) -> None:
    if scheme.grid in (Grid.SEARCH, Grid.LEARNED):
        raise searched(scheme)
    if scheme.element.values is None:
        raise SchemeError(
            Text("El redondeo al azar necesita un formato de 8 bits o menos; {name} tiene {bits}.",
                 "Stochastic rounding needs a format of 8 bits or fewer; {name} has {bits}.")
            .format(name=scheme.element.name, bits=scheme.element.code_bits)
        )  # fmt: skip


def _run(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: Knobs, generator: Generator | None
         ) -> QuantWeight:  # fmt: skip
    return QuantWeight(quantize(weight, scheme, generator or Generator().manual_seed(int(knobs.seed))))


METHOD: Method[Knobs] = Method(
    "stochastic",
    Text("Redondeo al azar", "Stochastic rounding"),
    Text("Sube o baja por azar, más a menudo hacia el valor más cercano, de modo que la media de muchas tiradas es el "
         "peso exacto. Aquí pierde, porque cada peso se redondea una sola vez; sirve para entrenar, donde se redondea "
         "a cada paso y los errores se compensan.",
         "Goes up or down by chance, more often to the nearer value, so that the mean of many draws is the exact "
         "weight. Here it loses, since each weight is rounded once; it serves in training, where rounding happens at "
         "each step and errors cancel out."),
    "Gupta et al. 2015, arXiv:1502.02551",
    _run,
    _check,
    knobs=Knobs,
)  # fmt: skip
