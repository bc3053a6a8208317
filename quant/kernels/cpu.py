"""Which way a packed matrix is multiplied, fastest first; each is probed for, and none is required.

    compiled    the C kernels, for a few tokens; many tokens: rows expanded in C, then a float32 product
    int8        8-bit weights and 8-bit activations, whole-number arithmetic (W8A8): in C for many tokens, torch's
                `_int_mm` where nothing compiles
    limbs       the same operator with float activations, as three 8-bit digits of each: W8 where nothing compiles
    int4pack    torch's 4-bit operator (bfloat16 activations), for a few tokens that are being written; what is scored
                and many tokens: by the definition
    expanded    a float32 copy beside the packed matrix, for what no other way takes
    decoded     the definition, `reference.py`, for any holder

All but int4pack compute what the definition does, up to the order of float32 sums. (limbs: activations to 24 bits of
the largest of their token, where float32 has 24 of each.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from quant.activations import Activations
from quant.kernels import compiled, float32, prefill, reference
from quant.kernels.arena import in_large_pages
from quant.kernels.expanded import Expanded
from quant.kernels.held import Held, Repaired
from quant.kernels.int4pack import Int4Matrix
from quant.kernels.matrix import PackedMatrix
from quant.kernels.native import being_made
from quant.qtensor import QTensor
from quant.scheme import PerChannel, PerTensor
from quant.text import Text
from quant.weight import QuantWeight

FEW = 8  # tokens that the compiled kernels take at once
EXPANDED_VALUES = 2**23  # float32 rows at once while many tokens are multiplied: 32 MB
COLUMNS = 32  # a few rows of digits
LIMB = 254  # one 8-bit digit in the next: remainders lie within half a step, 127 / 254
MOST_INPUTS = (2**31 - 1) // (127 * 128)  # whose 8-bit products surely add up to 32 bits


@dataclass(frozen=True)
class Kernel:
    """One way to multiply, by name, and in words."""

    name: str
    summary: Text


COMPILED = Kernel("compiled", Text("núcleo en C compilado en esta máquina", "C kernel compiled on this machine"))
INT8 = Kernel("int8", Text("_int_mm de torch, enteros de 8 bits por ambos lados",
                           "torch's _int_mm, 8-bit integers on both sides"))  # fmt: skip
LIMBS = Kernel("limbs", Text("_int_mm de torch, activaciones en tres cifras de 8 bits",
                             "torch's _int_mm, activations as three 8-bit digits"))  # fmt: skip
INT4PACK = Kernel("int4pack", Text(
    "operador de 4 bits de torch, con activaciones bfloat16 y otra copia de los códigos, algo más de 1 byte por peso",
    "torch's 4-bit operator, with bfloat16 activations and another copy of the codes, a little over 1 byte a weight",
))  # fmt: skip
EXPANDED = Kernel("expanded", Text("simulado: multiplica una copia float32, de 4 bytes más por peso",
                                   "simulated: multiplies a float32 copy, of 4 bytes more a weight"))  # fmt: skip
DECODED = Kernel("decoded", Text("descomprime por trozos y multiplica: la definición, lenta",
                                 "decodes tile by tile and multiplies: the definition, slow"))  # fmt: skip


def hold(weight: QuantWeight | QTensor) -> Held:
    """The form in which this machine multiplies `weight` fastest; `nbytes` says what it takes."""
    weight = QuantWeight(weight) if isinstance(weight, QTensor) else weight
    base = _fastest(PackedMatrix.of(weight.q))
    return Repaired(base, weight.beside) if weight.beside else base


def _fastest(matrix: PackedMatrix) -> Held:
    if compiled.supported(matrix) or (is_int8(matrix) and int_mm()):
        return matrix
    if not being_made() and Int4Matrix.fits(matrix):
        return Int4Matrix.of(matrix)
    return Expanded.of(matrix)  # while the kernels are compiled too: it computes what they will


def kernel(held: Held, activations: Activations = Activations.FLOAT) -> Kernel:
    """What multiplies one token by the codes; what stands beside them is multiplied in float32."""
    if type(held) is Repaired:
        return kernel(held.base, activations)
    if type(held) is Int4Matrix:
        return INT4PACK
    if type(held) is Expanded:
        return EXPANDED
    if compiled.supported(held):
        return COMPILED
    if type(held) is PackedMatrix and is_int8(held) and int_mm():
        return INT8 if activations == Activations.INT8 else LIMBS
    return DECODED


def linear(x: Tensor, held: Held, bias: Tensor | None = None, activations: Activations = Activations.FLOAT, *,
           gelu: bool = False, out: Tensor | None = None, exact: bool = False) -> Tensor:  # fmt: skip
    """x [..., in] times the matrix in effect [out, in] plus bias [out], through GELU's tanh form if asked.

    float32 [..., out], no gradient. Of a `Repaired` the activations are rounded after the pre-scale, and what meets the
    outliers or the correction is not. out: contiguous, of that type and shape, where it may be written. exact: as
    defined even for a few tokens, which is what quality is measured by. Raises ValueError for another `out`.
    """
    shape = (*x.shape[:-1], held.shape[0])
    if out is not None and not (out.shape == shape and out.dtype == torch.float32 and out.is_contiguous()):
        raise ValueError(f"{out.dtype} {tuple(out.shape)} does not take float32 {shape}")
    flat = x.detach().reshape(-1, x.shape[-1]).float()
    room = None if out is None else out.view(-1, held.shape[0])
    return _linear(flat, held, bias, activations, gelu, room, exact).view(shape)


def _repaired(x: Tensor, held: Repaired, bias: Tensor | None, activations: Activations, gelu: bool,
              exact: bool) -> Tensor:  # fmt: skip
    def codes(z: Tensor) -> Tensor:
        if activations.static:
            z = activations.rounded(z, held.beside.largest)
        left = Activations.FLOAT if activations.static else activations
        return _linear(z, held.base, None, left, False, None, exact)

    y = held.beside.product(x, codes)
    y = y if bias is None else y + bias
    return functional.gelu(y, approximate="tanh") if gelu else y


def _linear(x: Tensor, held: Held, bias: Tensor | None, activations: Activations, gelu: bool,
            out: Tensor | None, exact: bool) -> Tensor:  # fmt: skip
    if type(held) is Repaired:
        return _repaired(x, held, bias, activations, gelu, exact)
    if activations not in (Activations.FLOAT, Activations.INT8):  # simulated: rounded, then multiplied as floats
        return _linear(activations.rounded(x), held, bias, Activations.FLOAT, gelu, out, exact)
    whole = activations == Activations.INT8
    if type(held) is Expanded:
        return _plain(_rounded(x) if whole else x, held.values, bias, gelu, out)
    readable = compiled.supported(held)
    if type(held) is PackedMatrix and readable and len(x) > FEW:
        if whole and is_int8(held) and prefill.has_int8() and held.shape[1] % prefill.LANES == 0:
            return prefill.int8_linear(x, byte_codes(held), row_scales(held), bias, gelu=gelu, out=out)
        if not whole:
            return _expanded(x, held, bias, gelu, out)
    if type(held) is Int4Matrix and len(x) <= FEW and not exact:
        y = _int4_linear(x, held, bias, whole)
    else:
        y = _product(x, held, whole, readable)
        y = y if bias is None else y + bias
    return functional.gelu(y, approximate="tanh") if gelu else y


def _product(x: Tensor, held: Held, whole: bool, readable: bool) -> Tensor:
    packed = held if type(held) is PackedMatrix else None
    if packed and is_int8(packed) and int_mm() and ((whole and len(x) > FEW) or not readable):
        return _int8_product(x, packed) if whole else _limb_product(x, packed)
    x = _rounded(x) if whole else x
    if packed is None or not readable:
        return reference.linear(x, held)
    held = packed
    return compiled.matvec(held, x) if len(x) <= FEW else _expanded(x, held, None, False)


def _rounded(x: Tensor) -> Tensor:
    digits, scale = reference.int8_activations(x)
    return digits * scale


def _plain(x: Tensor, weight: Tensor, bias: Tensor | None, gelu: bool, out: Tensor | None) -> Tensor:
    if out is not None and bias is None and not gelu:
        return float32.linear_into(out, x, weight)
    return float32.linear(x, weight, bias, gelu=gelu)


def _expanded(x: Tensor, held: PackedMatrix, bias: Tensor | None, gelu: bool, out: Tensor | None = None) -> Tensor:
    """By way of float32 rows, some at a time in memory that is used again: fresh memory costs more than decoding."""
    outputs, columns = held.shape
    n = min(outputs, max(1, EXPANDED_VALUES // columns))
    place = in_large_pages(4 * n * columns)[: 4 * n * columns].view(torch.float32).view(n, columns)
    if n == outputs and out is None:
        return float32.linear(x, compiled.rows(held, 0, outputs, place), bias, gelu=gelu)
    y = torch.empty(len(x), outputs) if out is None else out
    for first in range(0, outputs, n):
        last = min(first + n, outputs)
        part = compiled.rows(held, first, last, place[: last - first])
        if bias is None and not gelu:
            float32.linear_into(y[:, first:last], x, part)
        else:
            y[:, first:last] = float32.linear(x, part, None if bias is None else bias[first:last], gelu=gelu)
    return y


def rows(held: Held, first: int = 0, last: int | None = None) -> Tensor:
    """float32 [last - first, in]."""
    if type(held) is PackedMatrix and compiled.supported(held):
        return compiled.rows(held, first, held.shape[0] if last is None else last)
    return held.rows(first, last)


def is_int8(held: PackedMatrix) -> bool:
    """Whether the codes are signed bytes with one scale a row or for all, which `_int_mm` takes as they lie."""
    s = held.scheme
    plain = s.element.name == "int8" and s.shift is None and isinstance(s.granularity, PerChannel | PerTensor)
    return plain and 1 < held.shape[1] <= MOST_INPUTS  # of a single input torch 2.13's operator computes nothing


def byte_codes(held: PackedMatrix) -> Tensor:
    """int8 [out, in], the packed codes themselves."""
    return held.codes.data.view(torch.int8).view(held.shape)


def row_scales(held: PackedMatrix) -> Tensor:
    """float32 [out]."""
    scales = held.scale.values() if held.scale else torch.ones(1)
    return scales.expand(held.shape[0]).contiguous()


def _int4_linear(x: Tensor, held: Int4Matrix, bias: Tensor | None, whole: bool) -> Tensor:
    if not whole:
        return held.linear(x, bias)
    digits, scale = reference.int8_activations(x)
    y = held.linear(digits) * scale  # digits have 7 bits and bfloat16 8: they are not rounded again
    return y if bias is None else y + bias


def _int8_product(x: Tensor, held: PackedMatrix) -> Tensor:
    digits, scale = reference.int8_activations(x)
    return _whole_product(digits, held, torch.ones(1)).mul_(scale).mul_(row_scales(held))


def _limb_product(x: Tensor, held: PackedMatrix) -> Tensor:
    """Float activations as three 8-bit digits in base 254: 24 bits, as many as float32 has."""
    first, scale = reference.int8_activations(x)
    second = reference.nearest((x / scale - first) * LIMB)
    third = reference.nearest(((x / scale - first) * LIMB - second) * LIMB)
    worth = torch.tensor([1, 1 / LIMB, 1 / LIMB**2])
    return _whole_product(torch.cat([first, second, third]), held, worth).mul_(scale).mul_(row_scales(held))


def _whole_product(digits: Tensor, held: PackedMatrix, worth: Tensor) -> Tensor:
    """float32 [n, out]: whole numbers [k * n, in] by the codes, the k parts added up, each times its `worth` [k].

    A few go second into torch's operator, as columns: it rearranges what comes there, whatever its size.
    """
    whole, k, out = digits.to(torch.int8), len(worth), held.shape[0]
    if len(whole) <= COLUMNS:
        parts = torch._int_mm(byte_codes(held), whole.t()).view(out, k, -1).transpose(1, 2)
        return (parts.reshape(-1, k).float() @ worth).view(out, -1).t()
    parts = torch._int_mm(whole, byte_codes(held).t()).view(k, -1, out)
    return torch.tensordot(worth, parts.float(), dims=1)


@cache
def int_mm() -> bool:
    """Whether torch multiplies 8-bit integers on this processor: exactly, one row too, at both ends of their range.

    Where an instruction adds two products in 16 bits, the largest ones do not fit.
    """
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randint(-128, 128, (rows, 64), generator=generator, dtype=torch.int8) for rows in (3, 40))
    a[:, :32] = b[::2, :32] = torch.tensor([127, 127, -128, -128], dtype=torch.int8).repeat(8)
    want = a.float() @ b.float().t()
    try:
        rows = [torch._int_mm(a[:n], b.t()) for n in (1, len(a))]
        columns = [torch._int_mm(b, a[:n].t()).t() for n in (1, len(a))]
        return all(torch.equal(y.float(), want[: len(y)]) for y in rows + columns)
    except (AttributeError, RuntimeError):
        return False
