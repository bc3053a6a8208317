"""Rounding, and beside it the few directions in which the rounding error is largest, in float16.

    W ~ W^ + A B      A [out, rank], B [rank, in]      A B = the best of that rank for E = W - W^

Plain, the rank largest singular directions of E: least squared error of the weights (ZeroQuant-V2, Yao et al. 2023,
arXiv:2303.08302). Weighted, those of E S, with S each input's root mean square on a calibration text, taken back by
S^-1: least squared error of the output if the inputs were uncorrelated (L2QER, Zhang et al. 2024, arXiv:2402.02446,
whose S is made of mean magnitudes).

The singular directions are found as eigenvectors of E E^T or E^T E, whichever is smaller. Each direction's length is
shared evenly by A and B, so that neither leaves float16's range.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from quant.methods import grid, rtn
from quant.methods.base import Method, Statistic, Statistics, knob
from quant.methods.fits import searched
from quant.scheme import Grid, Scheme, Shape
from quant.text import Text
from quant.weight import Beside, LowRank, QuantWeight

LEAST = 1e-3  # of the mean root mean square of the inputs: below it, an input counts as if it had this


@dataclass(frozen=True)
class LowRankKnobs:
    """The knobs; weighted is a switch, 0 or 1."""

    rank: float = knob(
        16, 1, 64, 1, Text("Rango", "Rank"),
        Text("Cuántas direcciones del error se guardan. Cada una ocupa 16 bits por fila y 16 por columna.",
             "How many directions of the error are kept. Each takes 16 bits a row and 16 a column."),
    )  # fmt: skip
    weighted: float = knob(
        1, 0, 1, 1, Text("Según las entradas", "Weighted by the inputs"),
        Text("Elige las direcciones que más cambian la salida de la capa, y no las que más cambian sus pesos.",
             "Chooses the directions that change the layer's output most, not those that change its weights most."),
    )  # fmt: skip


def repair(error: Tensor, rank: int, scale: Tensor | None = None) -> LowRank:
    """A and B of the best correction A B of an error float32 [out, in].

    scale: float32 [in], none 0, by which the columns count; alike without. A rank above the smaller side is that side.
    """
    scaled = (error if scale is None else error * scale).double()
    rank = min(rank, *error.shape)
    if scaled.shape[0] <= scaled.shape[1]:
        left = _largest(scaled @ scaled.t(), rank)
        right = left.t() @ scaled
    else:
        right = _largest(scaled.t() @ scaled, rank).t()
        left = scaled @ right.t()
    share = (right.norm(dim=1) / left.norm(dim=0)).clamp_min(0).nan_to_num(1.0, 1.0, 1.0).sqrt()
    share = torch.where(share > 0, share, 1.0)
    left, right = left * share, right / share.unsqueeze(1)
    return LowRank(left.half(), (right if scale is None else right / scale).half())


def _largest(gram: Tensor, rank: int) -> Tensor:
    """Eigenvectors [n, rank] of the largest eigenvalues of a symmetric matrix, the largest first."""
    return torch.linalg.eigh(gram).eigenvectors.flip(1)[:, :rank]


def column_scale(squares: Tensor) -> Tensor:
    """Each input's root mean square float32 [in], of mean squares [in], none below a thousandth of their mean."""
    roots = squares.clamp_min(0).sqrt()
    mean = float(roots.mean())
    return roots.clamp_min(LEAST * mean) if mean > 0 else torch.ones_like(roots)


def _run(weight: Tensor, scheme: Scheme, statistics: Statistics, knobs: LowRankKnobs, generator: Generator | None
         ) -> QuantWeight:  # fmt: skip
    q, scale = rtn.quantize(weight, scheme), None
    if knobs.weighted:
        assert statistics.squares is not None
        scale = column_scale(statistics.squares)
    return QuantWeight(q, Beside(low_rank=repair(grid.checked(weight) - q.dequantize(), int(knobs.rank), scale)))


def _check(scheme: Scheme, knobs: LowRankKnobs) -> None:
    if scheme.grid in (Grid.SEARCH, Grid.LEARNED):
        raise searched(scheme)


def _beside(scheme: Scheme, shape: Shape, knobs: LowRankKnobs) -> dict[str, tuple[int, ...]]:
    rank = min(int(knobs.rank), *shape)
    return {"low_rank.a": (shape[0], rank), "low_rank.b": (rank, shape[1])}


METHOD: Method[LowRankKnobs] = Method(
    "low_rank",
    Text("Reparación de rango bajo", "Low-rank repair"),
    Text("Redondea y guarda aparte, en 16 bits, las pocas direcciones en las que el error es mayor. Ayuda si el error "
         "se concentra en algunas; si está repartido, esos bits rinden más en los códigos.",
         "Rounds, and keeps beside, in 16 bits, the few directions in which the error is largest. It helps where the "
         "error gathers in some; where it is spread, those bits do more in the codes."),
    "Zhang et al. 2024, arXiv:2402.02446; Yao et al. 2023, arXiv:2303.08302",
    _run,
    _check,
    _beside,
    needs=frozenset({Statistic.SQUARES}),
    blind=lambda knobs: not knobs.weighted,
    knobs=LowRankKnobs,
    light=False,
)  # fmt: skip
