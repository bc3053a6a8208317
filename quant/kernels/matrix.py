"""A quantized matrix as a model holds it: packed codes, packed scales, and nothing else.

The dense layout for every scheme, ggml's blocks included: the same fields in an order that one kernel reads (codes one
after another, the first in the lowest bits; then scales; then zero points or offsets). Values are decoded as
`QTensor.dequantize` does, in the same order of operations, so that what is computed with is what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from quant.formats import NumberFormat
from quant.packing.bits import as_tensor, pack_codes, unpack_codes
from quant.qtensor import QTensor
from quant.scheme import Flat, Offset, PerGroup, Scheme, Shape

WORDS = {16: torch.int16, 32: torch.int32}  # codes too wide for a byte
ALIGNED = 8  # codes that end on a byte whatever their bits


@dataclass(frozen=True, eq=False)
class Codes:
    """`count` codes of `stored.code_bits` bits, one after another, the first in the lowest bits of `data` (uint8)."""

    data: Tensor
    count: int
    stored: NumberFormat

    @classmethod
    def of(cls, codes: Tensor, stored: NumberFormat) -> Codes:
        """Pack bit patterns of any shape."""
        if word := WORDS.get(stored.code_bits):
            data = codes.to(word).contiguous().view(-1).view(torch.uint8)
        else:
            data = as_tensor(pack_codes(codes.contiguous(), stored.code_bits))
        return cls(data, codes.numel(), stored)

    def unpacked(self, first: int = 0, last: int | None = None) -> Tensor:
        """Bit patterns [last - first]."""
        last = self.count if last is None else last
        bits = self.stored.code_bits
        if word := WORDS.get(bits):
            return self.data.view(word)[first:last].long() & ((1 << bits) - 1)
        start = first - first % ALIGNED
        part = self.data[start * bits // 8 : -(-last * bits // 8)]
        return unpack_codes(part, bits, last - start)[first - start :]

    def values(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first]: what the codes stand for."""
        return self.stored.decode(self.unpacked(first, last))


@dataclass(frozen=True, eq=False)
class Numbers:
    """Scales or offsets: number i is code i, times number i // per of `inner` where there is one, plus `add`."""

    codes: Codes
    inner: Codes | None = None
    per: int = 1
    add: float = 0.0

    @classmethod
    def of(cls, stored: Tensor | QTensor, how: NumberFormat | Scheme) -> Numbers:
        """From the scales or offsets of a QTensor, [rows, groups]."""
        if isinstance(stored, Tensor):
            assert isinstance(how, NumberFormat)
            return cls(Codes.of(how.encode(stored), how))
        assert isinstance(how, Scheme)
        assert isinstance(how.scale, NumberFormat)
        assert isinstance(stored.scale, Tensor)
        assert stored.zero is None
        size = how.granularity.size if isinstance(how.granularity, PerGroup | Flat) else stored.codes.numel()
        add = float(stored.offset) if isinstance(stored.offset, Tensor) else 0.0
        return cls(Codes.of(stored.codes, how.element), Codes.of(how.scale.encode(stored.scale), how.scale), size, add)

    def restored(self, how: NumberFormat | Scheme, shape: Shape) -> Tensor | QTensor:
        """What `of` was given."""
        if isinstance(how, NumberFormat) or self.inner is None:
            return self.codes.values().view(shape)
        inner = self.inner.values().view(how.groups(shape)[:2])
        add = torch.full((1, 1), self.add) if isinstance(how.shift, Offset) else None
        return QTensor(self.codes.unpacked().view(shape), inner, None, how, add)

    @property
    def nbytes(self) -> int:
        """What is held, a constant that is added included."""
        return self.codes.data.nbytes + (self.inner.data.nbytes if self.inner else 0) + (4 if self.add else 0)

    def values(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first]."""
        values = self.codes.values(first, last)
        if self.inner:
            values = values * self.inner.values()[torch.arange(first, first + len(values)) // self.per]
        return values + self.add if self.add else values


@dataclass(frozen=True, eq=False)
class PackedMatrix:
    """W [out, in] = (v[codes] - zero) * scale or v[codes] * scale + offset, every part packed.

    scale, zero, offset: one for each of the granularity's groups, row after row; None where there are none.
    """

    shape: Shape
    scheme: Scheme
    codes: Codes
    scale: Numbers | None
    zero: Codes | None
    offset: Numbers | None

    @classmethod
    def of(cls, q: QTensor) -> PackedMatrix:
        """Pack `q`, whose codes are then no longer needed."""
        s, shift = q.scheme, getattr(q.scheme.shift, "store", None)
        return cls(
            q.shape, s, Codes.of(q.codes, s.element),
            None if q.scale is None or s.scale is None else Numbers.of(q.scale, s.scale),
            None if q.zero is None else Codes.of(q.zero, s.element),
            None if q.offset is None else Numbers.of(q.offset, shift),
        )  # fmt: skip

    def qtensor(self) -> QTensor:
        """The codes and scales again, as they were."""
        rows, groups, _ = self.scheme.groups(self.shape)
        zero = self.zero.unpacked().view(rows, groups) if self.zero else None
        how = self.scheme.scale
        scale = self.scale.restored(how, (rows, groups)) if self.scale and how else None
        offset = None
        if self.offset and isinstance(self.scheme.shift, Offset):
            offset = self.offset.restored(self.scheme.shift.store, (rows, groups))
        return QTensor(self.codes.unpacked().view(self.shape), scale, zero, self.scheme, offset)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        zero = self.zero.data.nbytes if self.zero else 0
        return self.codes.data.nbytes + zero + sum(n.nbytes for n in (self.scale, self.offset) if n)

    @property
    def runs(self) -> int:
        """Runs of a row that share a scale: its groups, or one for each weight where groups cross rows unevenly."""
        granularity, columns = self.scheme.granularity, self.shape[1]
        if not isinstance(granularity, PerGroup | Flat):
            return 1
        return columns if columns % granularity.size else columns // granularity.size

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first, in]: the definition of what every kernel computes with."""
        last, columns = self.shape[0] if last is None else last, self.shape[1]
        values = self.codes.values(first * columns, last * columns).view(last - first, self.runs, -1)
        if self.zero:
            values = values - self._shared(self.zero, first, last, codes=True)
        if self.scale:
            values = values * self._shared(self.scale, first, last)
        if self.offset:
            values = values + self._shared(self.offset, first, last)
        return values.reshape(last - first, columns)

    def _shared(self, numbers: Numbers | Codes, first: int, last: int, *, codes: bool = False) -> Tensor:
        """[rows or 1, runs or 1, 1]: the numbers of these rows, as values or as the codes themselves."""
        read = numbers.unpacked if codes and isinstance(numbers, Codes) else numbers.values
        granularity, columns = self.scheme.granularity, self.shape[1]
        if numbers_count(numbers) == 1:
            return read(0, 1).view(1, 1, 1)
        if self.runs == columns and isinstance(granularity, Flat) and granularity.size > 1:
            at = torch.arange(first * columns, last * columns) // granularity.size
            return read()[at].view(last - first, columns, 1)
        return read(first * self.runs, last * self.runs).view(last - first, self.runs, 1)


def numbers_count(numbers: Numbers | Codes) -> int:
    """How many scales, offsets or zero points there are."""
    return numbers.codes.count if isinstance(numbers, Numbers) else numbers.count
