"""Dense layout: codes one after another, row after row; then the scales; then zero points; then offsets; then tables.

Codes of b bits start in the lowest bits (little-endian bit order), but for bitsandbytes' formats, whose first nibble
is the high one. Scales and offsets follow in their own format, little-endian, or by their own scheme; zero points are
packed like the codes; learned tables are float16. Each part ends on a byte.
"""

from __future__ import annotations

import torch
from torch import Tensor

from quant.blocks import BLOCKS
from quant.formats import NumberFormat
from quant.packing.bits import as_tensor, pack_codes, unpack_codes
from quant.qtensor import QTensor
from quant.scheme import Grid, Offset, Scheme, Shape, Zero

HIGH_NIBBLE_FIRST = frozenset(BLOCKS[name].scheme for name in ("NF4", "NF4_DOUBLE", "FP4"))
TABLE_VALUE_BYTES = 2
_WORDS = {16: torch.int16, 32: torch.int32}


def sections(scheme: Scheme, shape: Shape) -> tuple[int, int, int, int, int]:
    """Bytes of codes, scales, zero points, offsets and learned tables of a matrix of `shape`."""
    rows, groups, _ = scheme.groups(shape)
    bits = scheme.element.code_bits
    zeros = _bytes(rows * groups * bits) if isinstance(scheme.shift, Zero) else 0
    offsets = _stored(scheme.shift.store, offset_shape(scheme, shape)) if isinstance(scheme.shift, Offset) else 0
    tables = rows * groups * TABLE_VALUE_BYTES << bits if scheme.grid is Grid.LEARNED else 0
    return _bytes(shape[0] * shape[1] * bits), _stored(scheme.scale, (rows, groups)), zeros, offsets, tables


def offset_shape(scheme: Scheme, shape: Shape) -> Shape:
    """One offset a group, or one for the whole matrix where its mean is what is stored."""
    rows, groups, _ = scheme.groups(shape)
    return (1, 1) if scheme.grid is Grid.CENTRED else (rows, groups)


def _stored(how: NumberFormat | Scheme | None, shape: Shape) -> int:
    if isinstance(how, Scheme):
        return sum(sections(how, shape))
    return _bytes(shape[0] * shape[1] * how.code_bits) if how else 0


def pack(q: QTensor) -> bytes:
    """All parts of `q`, one after another."""
    bits = q.scheme.element.code_bits
    zeros = b"" if q.zero is None else pack_codes(q.zero, bits)
    offset = q.scheme.shift.store if isinstance(q.scheme.shift, Offset) else None
    tables = b"" if q.table is None else q.table.half().numpy().tobytes()
    return _pack_element(q) + _pack_numbers(q.scale, q.scheme.scale) + zeros + _pack_numbers(q.offset, offset) + tables


def _pack_element(q: QTensor) -> bytes:
    bits = q.scheme.element.code_bits
    if bits in _WORDS:
        return q.codes.to(_WORDS[bits]).numpy().tobytes()
    return pack_codes(q.codes, bits, high_first=q.scheme in HIGH_NIBBLE_FIRST)


def _pack_numbers(values: Tensor | QTensor | None, how: NumberFormat | Scheme | None) -> bytes:
    if isinstance(values, QTensor):
        return pack(values)
    if values is None:
        return b""
    assert isinstance(how, NumberFormat)
    if how.code_bits == 8:
        return how.encode(values).numpy().tobytes()
    assert how.dtype is not None, "wide scales are in a format of torch's"
    return values.to(how.dtype).contiguous().view(torch.uint8).numpy().tobytes()


def unpack(data: bytes, shape: Shape, scheme: Scheme) -> QTensor:
    """The matrix of `shape` in `data`, whose length has been checked."""
    rows, groups, _ = scheme.groups(shape)
    parts = []
    for size in sections(scheme, shape):
        parts.append(data[:size])
        data = data[size:]
    codes, scales, zeros, offsets, tables = parts
    bits = scheme.element.code_bits
    zero = unpack_codes(zeros, bits, rows * groups).view(rows, groups) if zeros else None
    shift = scheme.shift.store if isinstance(scheme.shift, Offset) else None
    return QTensor(
        _unpack_element(codes, shape, scheme), _unpack_numbers(scales, scheme.scale, (rows, groups)), zero, scheme,
        _unpack_numbers(offsets, shift, offset_shape(scheme, shape)),
        as_tensor(tables).view(torch.float16).float().view(rows * groups, -1) if tables else None,
    )  # fmt: skip


def _unpack_element(data: bytes, shape: Shape, scheme: Scheme) -> Tensor:
    bits = scheme.element.code_bits
    if bits in _WORDS:
        return (as_tensor(data).view(_WORDS[bits]).long() & ((1 << bits) - 1)).view(shape)
    high_first = scheme in HIGH_NIBBLE_FIRST
    return unpack_codes(data, bits, shape[0] * shape[1], high_first=high_first).view(shape)


def _unpack_numbers(data: bytes, how: NumberFormat | Scheme | None, shape: Shape) -> Tensor | QTensor | None:
    if how is None:
        return None
    if isinstance(how, Scheme):
        return unpack(data, shape, how)
    if how.code_bits == 8:
        return how.decode(as_tensor(data)).view(shape)
    assert how.dtype is not None
    return as_tensor(data).view(how.dtype).float().view(shape)


def _bytes(bits: int) -> int:
    return (bits + 7) // 8
