"""Quantization methods: the maths, pure. `METHODS` holds them by name; a new one is one file and one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from quant.methods import kquant, rtn
from quant.qtensor import QTensor
from quant.scheme import Grid, Scheme
from quant.text import Text


@dataclass(frozen=True)
class Method:
    """A way to choose the codes of one matrix. `run(weight [out, in], scheme)` is pure."""

    name: str
    summary: Text
    source: str
    run: Callable[[Tensor, Scheme], QTensor]


METHODS: dict[str, Method] = {
    m.name: m
    for m in [
        Method(
            "rtn",
            Text("Redondeo al más cercano: sin datos, sin búsqueda.", "Round to nearest: no data, no search."),
            "Jacob et al. 2018, arXiv:1712.05877, eq. 1-3",
            rtn.quantize,
        ),
        Method(
            "search",
            Text("Busca la escala y el mínimo que dejan el menor error cuadrático.",
                 "Searches for the scale and minimum that leave the least squared error."),
            "ggml 0.25, the formats of its K-quants and IQ4; the search is this project's own",
            kquant.quantize,
        ),
    ]
}  # fmt: skip


def method_for(scheme: Scheme) -> Method:
    """The method that a scheme is meant for, unless one is chosen."""
    return METHODS["search" if scheme.grid is Grid.SEARCH else "rtn"]


def quantize(weight: Tensor, scheme: Scheme) -> QTensor:
    """Quantize a float matrix [out, in] by the method that `scheme` is meant for. Raises WeightError, SchemeError."""
    return method_for(scheme).run(weight, scheme)
