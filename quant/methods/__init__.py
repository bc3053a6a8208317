"""Quantization methods: the maths, pure. `METHODS` holds them by name; a new one is one file and one row.

So do `TRANSFORMS` what can be done to float weights before.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from quant.arguments import typed
from quant.errors import SchemeError, WeightError, shown
from quant.methods import awq, hadamard, kquant, llm_int8, rtn, smooth
from quant.methods.base import Method, Transform
from quant.qtensor import QTensor
from quant.scheme import Grid, Scheme
from quant.text import Text


class Methods(dict[str, Method[Any]]):
    """Every quantization method by name. Looking up a name that is not there raises KeyError.

    >>> from quant import BLOCKS, METHODS
    >>> METHODS["rtn"].fits(BLOCKS["Q4_K"].scheme), METHODS["search"].fits(BLOCKS["Q4_K"].scheme)
    (False, True)
    >>> sorted(statistic.value for statistic in METHODS["importance"].needs)
    ['squares']
    """


METHODS = Methods({m.name: m for m in (rtn.METHOD, kquant.SEARCH, kquant.IMPORTANCE, awq.METHOD, llm_int8.METHOD)})


class Transforms(dict[str, Transform[Any]]):
    """Everything that can be done to float weights before a method rounds them, by name. Another raises KeyError.

    >>> from quant import TRANSFORMS
    >>> TRANSFORMS["hadamard"].rotates
    True
    """


TRANSFORMS = Transforms({t.name: t for t in (smooth.TRANSFORM, hadamard.TRANSFORM)})


def transform_named(name: str) -> Transform[Any]:
    """The transform called `name`. Raises SchemeError for an unknown one."""
    if name not in TRANSFORMS:
        raise SchemeError(
            Text("No existe la transformación «{got}»; las que hay: {allowed}.",
                 "There is no transform “{got}”; the ones that exist: {allowed}.")
            .format(got=shown(name), allowed=", ".join(TRANSFORMS))
        )  # fmt: skip
    return TRANSFORMS[name]


def method_named(name: str) -> Method[Any]:
    """The method called `name`. Raises SchemeError for an unknown one."""
    if name not in METHODS:
        raise SchemeError(
            Text("No existe el método «{got}»; los que hay: {allowed}.",
                 "There is no method “{got}”; the ones that exist: {allowed}.")
            .format(got=name, allowed=", ".join(METHODS))
        )  # fmt: skip
    return METHODS[name]


def method_for(scheme: Scheme) -> Method[Any]:
    """The method that a scheme is meant for, unless one is chosen."""
    return METHODS["search" if scheme.grid is Grid.SEARCH else "rtn"]


@typed(WeightError)
def quantize(weight: Tensor, scheme: Scheme) -> QTensor:
    """Quantize a float matrix by the method that `scheme` is meant for: codes, scales, and what they decode to.

    weight: float [out, in]. Raises WeightError on NaN, infinity or a tensor that is not a matrix, SchemeError where the
    granularity does not divide it or a scale overflows its format.

    >>> import torch
    >>> from quant import PerGroup, Scheme, quantize
    >>> q = quantize(torch.arange(-8.0, 8.0).view(1, 16), Scheme.integer(4, PerGroup(16), zero_point=True))
    >>> q.codes.tolist()[0], float(q.scale[0, 0]), int(q.zero[0, 0])
    ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 1.0, 8)
    >>> q.dequantize()[0, :3].tolist()
    [-8.0, -7.0, -6.0]
    """
    return method_for(scheme).quantize(weight, scheme).q
