"""The bytes of ggml's block formats: each block is a row of fields, written down once and read both ways.

Source: the structs of ggml-common.h (ggml 0.25), byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from quant.errors import SchemeError
from quant.formats import NumberFormat
from quant.packing.bits import as_tensor
from quant.packing.fields import Bits, Both, Field, Float, Parts, Sixes, Trits
from quant.qtensor import QTensor
from quant.scheme import Offset, Scheme, Shape
from quant.text import Text


@dataclass(frozen=True)
class Block:
    """The fields of a block in order. `excess`: parts numbered from their lowest value up, not in two's complement."""

    weights: int
    fields: tuple[Field, ...]
    excess: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Bytes of one block."""
        return sum(f.nbytes for f in self.fields)

    @property
    def code_bits(self) -> float:
        """Bits of a block's codes over its weights."""
        held = sum(f.nbytes for f in self.fields if isinstance(f, Bits | Trits) and f.part == "codes")
        return 8 * held / self.weights

    def count(self, shape: Shape, name: str) -> int:
        """Blocks of a matrix of `shape`. Raises SchemeError when a row is not made of whole ones."""
        if shape[1] % self.weights:
            raise SchemeError(
                Text("{name} guarda bloques de {block} pesos y la matriz tiene filas de {inputs}, que no es múltiplo.",
                     "{name} stores blocks of {block} weights and the matrix has rows of {inputs}, not a multiple.")
                .format(name=name, block=self.weights, inputs=shape[1])
            )  # fmt: skip
        return shape[0] * shape[1] // self.weights


D, M = Float("scale"), Float("offset")
LAYOUTS: dict[str, Block] = {
    "Q4_0": Block(32, (D, Bits("codes", 32, 0, 4, 16)), ("codes",)),
    "Q4_1": Block(32, (D, M, Bits("codes", 32, 0, 4, 16))),
    "Q5_0": Block(32, (D, Bits("codes", 32, 4, 1, 1), Bits("codes", 32, 0, 4, 16)), ("codes",)),
    "Q5_1": Block(32, (D, M, Bits("codes", 32, 4, 1, 1), Bits("codes", 32, 0, 4, 16))),
    "Q8_0": Block(32, (D, Bits("codes", 32, 0, 8, 1))),
    "TQ1_0": Block(256, (Trits(0, 160, 32), Trits(160, 80, 16), Trits(240, 16, 4, digits=4), D)),
    "TQ2_0": Block(256, (Bits("codes", 256, 0, 2, 32), D)),
    "Q2_K": Block(256, (Both(), Bits("codes", 256, 0, 2, 32), D, M)),
    "Q3_K": Block(256, (Bits("codes", 256, 2, 1, 32), Bits("codes", 256, 0, 2, 32), Bits("scale", 16, 0, 4, 8),
                   Bits("scale", 16, 4, 2, 4), D), ("codes", "scale")),
    "Q4_K": Block(256, (D, M, Sixes(), Bits("codes", 256, 0, 4, 32))),
    "Q5_K": Block(256, (D, M, Sixes(), Bits("codes", 256, 4, 1, 32), Bits("codes", 256, 0, 4, 32))),
    "Q6_K": Block(256, (Bits("codes", 256, 0, 4, 64), Bits("codes", 256, 4, 2, 32), Bits("scale", 16, 0, 8, 1), D),
                  ("codes",)),
    "IQ4_NL": Block(32, (D, Bits("codes", 32, 0, 4, 16))),
    "IQ4_XS": Block(256, (D, Bits("scale", 8, 4, 2, 1), Bits("scale", 8, 0, 4, 1), Bits("codes", 256, 0, 4, 16)),
                    ("scale",)),
    "MXFP4_GGML": Block(32, (Float("scale", 1), Bits("codes", 32, 0, 4, 16))),
    "NVFP4_GGML": Block(64, (Float("scale", 4), Bits("codes", 64, 0, 4, 8))),
}  # fmt: skip


def pack(q: QTensor, block: Block) -> bytes:
    """The blocks of `q`, row after row."""
    n, scheme = block.count(q.shape, q.scheme.name), q.scheme
    parts = Parts({"codes": _renumbered(q.codes, scheme.element, "codes", block).view(n, -1)})
    _split_up(parts, "scale", q.scale, scheme.scale, n, block)
    if isinstance(scheme.shift, Offset):
        _split_up(parts, "offset", q.offset, scheme.shift.store, n, block)
    return torch.cat([f.pack(parts) for f in block.fields], dim=1).numpy().tobytes()


def unpack(data: bytes, shape: Shape, scheme: Scheme, block: Block) -> QTensor:
    """The matrix of `shape` in `data`, whose length has been checked."""
    columns = as_tensor(data).view(-1, block.nbytes).split([f.nbytes for f in block.fields], dim=1)
    parts = Parts()
    for one, column in zip(block.fields, columns, strict=True):
        one.unpack(column.contiguous(), parts)
    codes = _renumbered(parts.numbers["codes"], scheme.element, "codes", block).view(shape)
    groups = scheme.groups(shape)[:2]
    offset = _joined(parts, "offset", scheme.shift.store, groups, block) if isinstance(scheme.shift, Offset) else None
    return QTensor(codes, _joined(parts, "scale", scheme.scale, groups, block), None, scheme, offset)


def _renumbered(codes: Tensor, element: NumberFormat, part: str, block: Block) -> Tensor:
    """Two's complement to counting from the lowest value, or back: the same step both ways."""
    return codes ^ (1 << (element.code_bits - 1)) if part in block.excess else codes


def _split_up(parts: Parts, part: str, stored: Tensor | QTensor | None, how: NumberFormat | Scheme | None, n: int,
              block: Block) -> None:  # fmt: skip
    """Give scales or offsets to the fields: their integers and their float, or the float alone."""
    if isinstance(stored, QTensor) and isinstance(how, Scheme):
        parts.numbers[part] = _renumbered(stored.codes, how.element, part, block).view(n, -1)
        assert isinstance(how.scale, NumberFormat)
        assert isinstance(stored.scale, Tensor)
        stored, how = (-stored.scale if part == "offset" else stored.scale), how.scale
    assert isinstance(stored, Tensor)
    assert isinstance(how, NumberFormat)
    raw = how.encode(stored) if how.code_bits == 8 else stored.to(how.dtype).contiguous().view(torch.uint8)
    parts.floats[part] = raw.view(n, -1)


def _joined(
    parts: Parts, part: str, how: NumberFormat | Scheme | None, groups: Shape, block: Block
) -> Tensor | QTensor:
    """Scales or offsets [rows, groups] from their fields. ggml subtracts its nested offsets: hence the sign."""
    raw = parts.floats[part].contiguous()
    if isinstance(how, Scheme):
        codes = _renumbered(parts.numbers[part], how.element, part, block).view(groups)
        values = raw.view(torch.float16).float().view(how.groups(groups)[:2])
        return QTensor(codes, -values if part == "offset" else values, None, how)
    assert isinstance(how, NumberFormat)
    if how.code_bits == 8:
        return how.decode(raw).view(groups)
    return raw.view(torch.float16).float().view(groups)
