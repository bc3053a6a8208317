"""Round to nearest: divide by the scale, move to the nearest value. Every other method is measured against it."""

from __future__ import annotations

from torch import Generator, Tensor

from quant.methods import grid
from quant.methods.base import Method, NoKnobs, Statistics
from quant.methods.fits import searched
from quant.qtensor import QTensor
from quant.scheme import Grid, Scheme
from quant.text import Text
from quant.weight import QuantWeight


def quantize(weight: Tensor, scheme: Scheme) -> QTensor:
    """Round a float matrix [out, in] to `scheme`. Deterministic.

    A group of zeros decodes to zeros, and so does one too small for the format of the scales. Raises WeightError on
    NaN, infinity or a tensor that is not a matrix, SchemeError where the granularity does not divide it, a scale
    overflows its format, or the grid is one to be searched for.
    """
    weight = grid.checked(weight)
    frame = grid.frame(weight, scheme)
    return frame.holding(grid.codes(weight, frame))


def _check(scheme: Scheme, knobs: NoKnobs) -> None:
    if scheme.grid in (Grid.SEARCH, Grid.LEARNED):
        raise searched(scheme)


def _run(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: NoKnobs, generator: Generator | None
         ) -> QuantWeight:  # fmt: skip
    return QuantWeight(quantize(weight, scheme))


METHOD = Method(
    "rtn",
    Text("Redondeo al más cercano", "Round to nearest"),
    Text("Guarda de cada peso el valor de la rejilla que le queda más cerca. No lee ningún texto, y es lo que los "
         "demás tienen que mejorar.",
         "Stores of each weight the value of the grid that is nearest to it. It reads no text, and is what all others "
         "have to improve on."),
    "Jacob et al. 2018, arXiv:1712.05877, eq. 1-3",
    _run,
    _check,
)  # fmt: skip
