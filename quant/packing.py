"""Codes and scales to bytes and back: the only source of sizes.

Dense layout: codes of b bits follow one another, row after row, first code in the lowest bits (little-endian bit
order); then the scales, little-endian, in their own format; then the zero points, packed like the codes. Each of the
three parts ends on a byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quant.errors import QuantError
from quant.qtensor import QTensor
from quant.scheme import Scheme, Shape
from quant.text import Text


@dataclass(frozen=True)
class Layout:
    """Dense storage of one scheme."""

    scheme: Scheme

    def sections(self, shape: Shape) -> tuple[int, int, int]:
        """Bytes of codes, scales and zero points of a matrix of `shape`, padding included."""
        rows, groups, _ = self.scheme.granularity.groups(shape)
        bits = self.scheme.element.code_bits
        zeros = _bytes(rows * groups * bits) if self.scheme.shift else 0
        return _bytes(shape[0] * shape[1] * bits), _bytes(rows * groups * self.scheme.scale.code_bits), zeros

    def nbytes(self, shape: Shape) -> int:
        return sum(self.sections(shape))

    def pack(self, q: QTensor) -> bytes:
        """The bytes of `q`; `nbytes(q.shape)` of them."""
        assert q.scheme == self.scheme
        bits = self.scheme.element.code_bits
        stored = q.scale.to(self.scheme.scale.dtype).contiguous().view(torch.uint8)
        zeros = b"" if q.zero is None else pack_codes(q.zero, bits)
        return pack_codes(q.codes, bits) + stored.numpy().tobytes() + zeros

    def unpack(self, data: bytes, shape: Shape) -> QTensor:
        """The matrix of `shape` that `data` holds. Raises QuantError when the length is not the layout's."""
        codes, scales, zeros = self.sections(shape)
        if len(data) != codes + scales + zeros:
            raise QuantError(
                Text("Han llegado {got} bytes; una matriz {shape} en este formato ocupa {want}.",
                     "Got {got} bytes; a {shape} matrix in this format takes {want}.")
                .format(got=len(data), shape=f"{shape[0]} × {shape[1]}", want=codes + scales + zeros)
            )  # fmt: skip
        rows, groups, _ = self.scheme.granularity.groups(shape)
        bits = self.scheme.element.code_bits
        dtype = self.scheme.scale.dtype
        assert dtype is not None, "scales are floats: quantize refuses other formats"
        raw = torch.frombuffer(bytearray(data[codes : codes + scales]), dtype=dtype)
        zero = unpack_codes(data[codes + scales :], bits, rows * groups).view(rows, groups) if zeros else None
        return QTensor(
            unpack_codes(data[:codes], bits, shape[0] * shape[1]).view(shape),
            raw.float().view(rows, groups), zero, self.scheme,
        )  # fmt: skip


def _bytes(bits: int) -> int:
    return (bits + 7) // 8


def pack_codes(codes: Tensor, bits: int) -> bytes:
    """uint8 codes below 2**bits, any shape, to ceil(n * bits / 8) bytes."""
    planes = np.unpackbits(codes.numpy().reshape(-1, 1), axis=1, count=bits, bitorder="little")
    return np.packbits(planes.reshape(-1), bitorder="little").tobytes()


def unpack_codes(data: bytes, bits: int, count: int) -> Tensor:
    """The first `count` codes of `bits` bits in `data`, uint8 [count]."""
    stream = np.unpackbits(np.frombuffer(data, np.uint8), count=count * bits, bitorder="little")
    return torch.from_numpy(np.packbits(stream.reshape(-1, bits), axis=1, bitorder="little").reshape(-1))
