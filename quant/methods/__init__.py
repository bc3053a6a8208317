"""Quantization methods: the maths, pure. `METHODS` holds them by name; a new one is one file and one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from quant.methods.rtn import quantize
from quant.qtensor import QTensor
from quant.scheme import Scheme
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
            quantize,
        )
    ]
}
