"""Round to nearest: divide by the scale, move to the nearest value. Every other method is measured against it."""

from __future__ import annotations

from torch import Tensor

from quant.methods import grid
from quant.qtensor import QTensor
from quant.scheme import Scheme


def quantize(weight: Tensor, scheme: Scheme) -> QTensor:
    """Round a float matrix [out, in] to `scheme`. Deterministic.

    A group of zeros decodes to zeros, and so does one too small for the format of the scales. Raises WeightError on
    NaN, infinity or a tensor that is not a matrix, SchemeError where the granularity does not divide it, a scale
    overflows its format, or the grid is one to be searched for.
    """
    weight = grid.checked(weight)
    frame = grid.frame(weight, scheme)
    return frame.holding(grid.codes(weight, frame))
