"""LLM.int8(): the columns with the largest inputs stay in float16, and the rest is rounded without them.

    O = the k columns with the largest max |X_j| on a calibration text
    y = sum over j in O of x_j W_j + Q(x without O) Q(W without O)^T

A few inputs that are tens of times larger than the others take all levels of an 8-bit scale; kept apart, they leave
them to the others. Rounded are both factors of the second part: the inputs by the recipe's activations, which never see
O, the weights by the scheme, whose scales do not either. Dettmers et al. 2022, arXiv:2208.07339, eq. 8.

The paper takes for O what exceeds a threshold of 6.0 in the batch at hand. Here k is chosen instead, so that the bytes
are known before a text is read, and the columns are those of the calibration text; `threshold` says which threshold a k
stands for. The authors' library, bitsandbytes, multiplies the large inputs by the rounded weights of their columns, so
that it stores nothing beside the codes; the paper and this do so by the weights in float16.
tests/golden/llm_int8.npz holds what bitsandbytes gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from quant.errors import WeightError
from quant.methods import grid, rtn
from quant.methods.base import Method, Statistic, Statistics, knob
from quant.methods.fits import check_formula
from quant.scheme import Scheme, Shape
from quant.text import Text
from quant.weight import Beside, Outliers, QuantWeight

FLOAT16_HIGHEST = torch.finfo(torch.float16).max


@dataclass(frozen=True)
class Knobs:
    """columns: k above; all of a matrix that has no more."""

    columns: int = knob(
        4, 1, 64, 1, Text("columnas en float16", "columns in float16"),
        Text("Cuántas columnas de cada matriz, las de entradas más grandes, no se redondean.",
             "How many columns of each matrix, those with the largest inputs, are not rounded."),
    )  # fmt: skip


def kept(largest: Tensor, columns: int) -> Tensor:
    """int64 [k], rising: the columns with the largest of `largest` [in]; of equal ones the first.

    >>> import torch
    >>> kept(torch.tensor([1.0, 9.0, 2.0, 9.0]), 2).tolist()
    [1, 3]
    """
    return largest.argsort(descending=True, stable=True)[: int(columns)].sort().values


def threshold(largest: Tensor, columns: int) -> float:
    """The largest magnitude of the inputs `largest` [in] that are not kept: a threshold that keeps the others."""
    return float(largest.index_fill(0, kept(largest, columns), 0.0).max())


def _check(scheme: Scheme, knobs: Knobs) -> None:
    check_formula(scheme)


def _beside(scheme: Scheme, shape: Shape, knobs: Knobs) -> dict[str, tuple[int, ...]]:
    columns = min(int(knobs.columns), shape[1])
    return {"outliers.columns": (columns,), "outliers.values": (shape[0], columns)}


def _run(weight: Tensor, scheme: Scheme, known: Statistics, knobs: Knobs, generator: Generator | None) -> QuantWeight:
    assert known.largest is not None, "the method needs it"
    weight = grid.checked(weight)
    columns = kept(known.largest, knobs.columns)
    values = weight[:, columns]
    if float(values.abs().max()) > FLOAT16_HIGHEST:
        raise WeightError(
            Text("Un peso de {got} no cabe en float16, en el que se guardan las columnas apartadas (máximo {highest}).",
                 "A weight of {got} does not fit in float16, in which columns are kept apart (largest {highest}).")
            .format(got=float(values.abs().max()), highest=FLOAT16_HIGHEST)
        )  # fmt: skip
    q = rtn.quantize(weight.index_fill(1, columns, 0.0), scheme)
    return QuantWeight(q, Beside(outliers=Outliers(columns, values.half())))


METHOD = Method(
    "llm_int8",
    Text("LLM.int8(): columnas aparte", "LLM.int8(): columns apart"),
    Text("Deja en float16 las pocas columnas que reciben las entradas más grandes y redondea las demás. Ayuda cuando "
         "también se redondean las activaciones: esas entradas ya no estiran la escala de todas.",
         "Keeps in float16 the few columns that have the largest inputs, and rounds the others. It helps where "
         "activations are rounded too: those inputs no longer stretch the scale of all."),
    "Dettmers et al. 2022, arXiv:2208.07339",
    _run,
    _check,
    _beside,
    frozenset({Statistic.LARGEST}),
    Knobs,
    light=False,
)  # fmt: skip
