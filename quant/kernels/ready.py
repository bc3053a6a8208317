"""`cpu.linear` for a few rows, with all that can be decided beforehand: one function for each matrix.

Where nothing is compiled, a token goes through some 250 of torch's operators. Each product empties the processor's
caches of code, so that a decision between two of them costs as much as an operator (bench/NOTES.md): deciding at every
call took a third of a token's time.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from quant.activations import Activations
from quant.kernels import cpu, float32, reference
from quant.kernels.expanded import Expanded
from quant.kernels.held import Held
from quant.kernels.int4pack import Int4Matrix
from quant.kernels.matrix import PackedMatrix

Product = Callable[[Tensor], Tensor]  # contiguous float32 [n, in] to [n, out], n at most cpu.FEW


def plain(weight: Tensor, bias: Tensor | None) -> Product:
    """Of a float32 matrix [out, in], plus bias [out]."""
    return lambda x: float32.linear(x, weight, bias)


def packed(held: Held, bias: Tensor | None, activations: Activations) -> Product:
    """Of a stored matrix [out, in]; a holder that no case knows takes `cpu.linear`."""
    if activations == Activations.FLOAT and type(held) is Int4Matrix:
        return _int4(held, bias)
    if type(held) is Expanded and activations in (Activations.FLOAT, Activations.INT8):
        values = held.values
        return plain(values, bias) if activations == Activations.FLOAT else _rounding(values, bias)
    if type(held) is PackedMatrix and cpu.kernel(held, activations) is cpu.LIMBS:
        return _limbs(held, bias)
    return lambda x: cpu.linear(x, held, bias, activations)


def _rounding(weight: Tensor, bias: Tensor | None) -> Product:
    """Of a float32 matrix [out, in] and what comes in rounded to 8 bits."""

    def product(x: Tensor) -> Tensor:
        digits, scale = reference.int8_activations(x)
        return float32.linear(digits.mul_(scale), weight, bias)

    return product


def _int4(held: Int4Matrix, bias: Tensor | None) -> Product:
    multiply = torch._weight_int4pack_mm_for_cpu  # the same as torch.ops.aten's, called in less time
    data, size, scales, out, padded = held.data, held.size, held.scales, held.shape[0], held.padded

    def product(x: Tensor) -> Tensor:
        y = multiply(x.bfloat16().repeat(1, 2), data, size, scales)
        y = y[:, :out] if padded else y
        return y.float() if bias is None else y + bias

    return product


def _limbs(held: PackedMatrix, bias: Tensor | None) -> Product:
    """`cpu.linear` of one row, as three 8-bit digits of each activation.

    A fourth, 0, is for the operator, which takes four columns in less time than three.
    """
    codes, scales = cpu.byte_codes(held), cpu.row_scales(held)
    worth = torch.tensor([1, 1 / cpu.LIMB, 1 / cpu.LIMB**2, 0])

    def product(x: Tensor) -> Tensor:
        if len(x) != 1:
            return cpu.linear(x, held, bias)
        _, scale = reference.int8_activations(x)
        rest = x / scale
        digits = [reference.nearest(rest)]
        for _ in range(2):
            rest = (rest - digits[-1]) * cpu.LIMB
            digits.append(reference.nearest(rest))
        digits.append(torch.zeros_like(x))
        y = torch._int_mm(codes, torch.cat(digits).to(torch.int8).t()).float() @ (worth * scale[0])
        y = y.mul_(scales)[None]
        return y if bias is None else y + bias

    return product
