"""`cpu.linear` for a few rows, with all that can be decided beforehand: one function for each matrix.

Where nothing is compiled, a token goes through some 250 of torch's operators. Each product empties the processor's
caches of code, so that a decision between two of them costs as much as an operator (bench/NOTES.md): deciding at every
call took a third of a token's time.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_float

import torch
from torch import Tensor

from quant.activations import SMALLEST_SCALE, Activations
from quant.kernels import cpu, float32, reference
from quant.kernels.expanded import Expanded
from quant.kernels.held import Held
from quant.kernels.int4pack import Int4Matrix
from quant.kernels.matrix import PackedMatrix

WHOLE = 1.5 * 2**52  # float64 numbers of this size are whole
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
    plain_inputs = activations == Activations.FLOAT
    if type(held) is PackedMatrix and plain_inputs and cpu.kernel(held, activations) is cpu.LIMBS:
        return _limbs(held, bias)
    return lambda x: cpu.linear(x, held, bias, activations)


def _rounding(weight: Tensor, bias: Tensor | None) -> Product:
    """Of a float32 matrix [out, in] and what comes in rounded to 8 bits."""

    def product(x: Tensor) -> Tensor:
        if len(x) == 1:
            scale = _scale(x)
            return float32.linear(reference.nearest(x / scale).mul_(scale), weight, bias)
        digits, scales = reference.int8_activations(x)
        return float32.linear(digits.mul_(scales), weight, bias)

    return product


def _scale(x: Tensor) -> float:
    """That of `reference.int8_activations` for one row, in fewer steps."""
    low, high = torch.aminmax(x)
    scale = c_float(max(high.item(), -low.item()) / 127).value  # one division, rounded once
    return 1.0 if scale < SMALLEST_SCALE else scale


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

    v = x / scale to whole numbers, 254 v and 254^2 v too; each less 254 times the one before is a digit. The first row
    of digits is 0: the operator takes four columns in less time than three.
    """
    codes, scales = cpu.byte_codes(held), cpu.row_scales(held)
    sizes = torch.tensor([[0], [0], [1], [cpu.LIMB], [cpu.LIMB**2]], dtype=torch.float64)
    worth = torch.tensor([0, 1, 1 / cpu.LIMB, 1 / cpu.LIMB**2])

    def product(x: Tensor) -> Tensor:
        if len(x) != 1:
            return cpu.linear(x, held, bias)
        scale = _scale(x)
        whole = (x.double().div_(scale) * sizes).add_(WHOLE).sub_(WHOLE)
        digits = torch.sub(whole[1:], whole[:-1], alpha=cpu.LIMB).to(torch.int8)
        y = torch._int_mm(codes, digits.t()).float() @ (worth * scale)
        y = y.mul_(scales)[None]
        return y if bias is None else y + bias

    return product
