"""Codes and scales to bytes and back: the only source of sizes.

A scheme that is a published block format is stored in that format's bytes (`blocks.py`); any other densely
(`dense.py`), whatever it is called.
"""

from __future__ import annotations

from dataclasses import dataclass

from quant.blocks import BLOCKS
from quant.errors import QuantError
from quant.packing import blocks, dense
from quant.packing.bits import pack_codes, unpack_codes
from quant.qtensor import QTensor
from quant.scheme import Scheme, Shape
from quant.text import Text

__all__ = ["Layout", "bits_per_weight", "pack_codes", "unpack_codes"]


@dataclass(frozen=True)
class Layout:
    """How the matrices of one scheme are stored."""

    scheme: Scheme

    @property
    def _block(self) -> blocks.Block | None:
        published = BLOCKS.get(self.scheme.name)
        return blocks.LAYOUTS.get(self.scheme.name) if published and published.scheme == self.scheme else None

    @property
    def code_bits(self) -> float:
        """What a code takes: less than a whole number of bits where several share a byte (five ternary ones, TQ1_0)."""
        block = self._block
        return block.code_bits if block else float(self.scheme.element.code_bits)

    def nbytes(self, shape: Shape) -> int:
        """Bytes of a matrix of `shape`, padding included. Raises SchemeError when the scheme does not fit it."""
        if block := self._block:
            return block.count(shape, self.scheme.name) * block.nbytes
        return sum(dense.sections(self.scheme, shape))

    def pack(self, q: QTensor) -> bytes:
        """The bytes of `q`; `nbytes(q.shape)` of them."""
        assert q.scheme == self.scheme
        block = self._block
        return blocks.pack(q, block) if block else dense.pack(q)

    def unpack(self, data: bytes, shape: Shape) -> QTensor:
        """The matrix of `shape` that `data` holds. Raises QuantError when the length is not the layout's."""
        if len(data) != self.nbytes(shape):
            raise QuantError(
                Text("Han llegado {got} bytes; una matriz {shape} en este formato ocupa {want}.",
                     "Got {got} bytes; a {shape} matrix in this format takes {want}.")
                .format(got=len(data), shape=f"{shape[0]} × {shape[1]}", want=self.nbytes(shape))
            )  # fmt: skip
        block = self._block
        return blocks.unpack(data, shape, self.scheme, block) if block else dense.unpack(data, shape, self.scheme)


def bits_per_weight(scheme: Scheme, shape: Shape) -> float:
    """Stored bits of a matrix of `shape` over its weights: codes, scales, zero points, offsets, padding."""
    return 8 * Layout(scheme).nbytes(shape) / (shape[0] * shape[1])
