"""SmoothQuant: what is hard to round in the inputs is moved into the weights, which are easy to round.

    s_j = max |X_j|**a / max |W_j|**(1 - a)        y = (X / s)(W diag(s))^T

With a = 1/2 a column's inputs and its weights get the same largest magnitude; a = 0 looks at weights alone, a = 1 puts
every input at 1. max |W_j| is over all matrices that read X. s is folded into the norm before them, or the values of
attention; after GELU it stands beside the matrix, and is counted. Xiao et al. 2022, arXiv:2211.10438, and the authors'
`smooth_ln_fcs`, whose scales tests/golden/smoothquant.npz holds.

The authors smooth only what a norm feeds, here every input of a block is. And an input that the calibration text never
saw keeps its scale, where theirs is divided by 1e-5: the first time that it is not 0 it would be the largest of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from quant.methods.base import Statistic, Statistics, Transform, knob
from quant.text import Text

SMALLEST = 1e-5  # of max |W_j|, and of s


@dataclass(frozen=True)
class Knobs:
    """alpha: a above."""

    alpha: float = knob(
        0.5, 0.0, 1.0, 0.05, Text("fuerza", "strength"),
        Text("Cuánto de lo difícil pasa de las activaciones a los pesos: 0,5 lo reparte por igual.",
             "How much of what is hard moves from the activations to the weights: 0.5 shares it evenly."),
    )  # fmt: skip


def scales(weights: Sequence[Tensor], known: Statistics, knobs: Knobs) -> Tensor:
    """float32 [in] of matrices [out, in] that read one input."""
    assert known.largest is not None, "the transform needs it"
    widest = torch.stack([w.detach().float().abs().amax(0) for w in weights]).amax(0).clamp(min=SMALLEST)
    found = (known.largest.pow(knobs.alpha) / widest.pow(1 - knobs.alpha)).clamp(min=SMALLEST)
    return torch.where(known.largest > 0, found, 1.0)


TRANSFORM = Transform(
    "smooth",
    Text("SmoothQuant: suavizar las entradas", "SmoothQuant: smooth the inputs"),
    Text("Divide las entradas enormes y multiplica sus columnas de pesos por lo mismo, así que el modelo en coma "
         "flotante no cambia y las activaciones caben en menos niveles. Ayuda cuando también se redondean las "
         "activaciones a 8 bits con una sola escala; en los pesos solos no gana nada.",
         "Divides the huge inputs and multiplies their columns of weights by the same, so that the float model does "
         "not change and activations fit in fewer levels. It helps where activations are rounded to 8 bits too, with a "
         "single scale; for weights alone it gains nothing."),
    "Xiao et al. 2022, arXiv:2211.10438",
    scales,
    frozenset({Statistic.LARGEST}),
    Knobs,
)  # fmt: skip
