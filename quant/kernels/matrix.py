"""A quantized matrix as a model holds it: packed codes, packed scales, and nothing else.

The dense layout for every scheme, ggml's blocks included: the same fields in an order that one kernel reads (codes one
after another, the first in the lowest bits; then scales; then zero points or offsets). Values are decoded as
`QTensor.dequantize` does, in the same order of operations, so that what is computed with is what was measured.

Several codes are looked up at once: a table of all pairs of 4-bit codes has 256 rows, one for each byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from quant.errors import SchemeError
from quant.formats import NumberFormat
from quant.packing.bits import as_tensor, pack_codes, unpack_codes
from quant.packing.dense import offset_shape
from quant.qtensor import QTensor, looked_up
from quant.scheme import Flat, Offset, PerGroup, Scheme, Shape
from quant.text import Text
from quant.weight import QuantWeight

WORDS = {16: torch.int16, 32: torch.int32}  # codes too wide for a byte
ALIGNED = 8  # codes that end on a byte whatever their bits
TOGETHER = {1: 8, 2: 4, 3: 4, 4: 2, 5: 2, 6: 2, 7: 2, 8: 1}  # codes looked up at once, by their bits
GATHERED = {1: torch.float32, 2: torch.float64, 4: torch.complex128, 8: torch.complex128}  # of as many float32


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
        """Bit patterns [last - first]; those of 8 bits are `data` itself, not to be written to."""
        last = self.count if last is None else last
        bits = self.stored.code_bits
        if word := WORDS.get(bits):
            return self.data.view(word)[first:last].long() & ((1 << bits) - 1)
        start = first - first % ALIGNED
        part = self.data[start * bits // 8 : -(-last * bits // 8)]
        return unpack_codes(part, bits, last - start)[first - start :]

    def values(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first]: what the codes stand for, `stored.decode` of each."""
        last = self.count if last is None else last
        bits, dtype = self.stored.code_bits, self.stored.dtype
        if bits in WORDS and dtype:
            return self.data.view(dtype)[first:last].float()
        if bits in WORDS:
            return self.stored.decode(self.unpacked(first, last)).float()  # E8M7 without infinity decodes to float64
        start = first - first % ALIGNED
        part = self.data[start * bits // 8 : -(-last * bits // 8)]
        found = _table(self.stored).index_select(0, _runs(part, bits))
        return found.view(torch.float32).view(-1)[first - start : last - start]


@cache
def _table(stored: NumberFormat) -> Tensor:
    """The values of every run of codes that are looked up together, each run as one element of GATHERED.

    torch gathers an element of 8 or 16 bytes several times as fast as a row of floats.
    """
    together = TOGETHER[stored.code_bits]
    runs = torch.arange(1 << stored.code_bits * together)
    codes = [runs >> (stored.code_bits * i) & ((1 << stored.code_bits) - 1) for i in range(together)]
    values = stored.decode(torch.stack(codes, dim=1)).view(GATHERED[together])
    return values.view(-1) if values.shape[1] == 1 else values


def _runs(data: Tensor, bits: int) -> Tensor:
    """uint8 [n] as the whole numbers that TOGETHER codes of `bits` bits make, row numbers of `_table`; at least all."""
    if bits * TOGETHER[bits] == 8:
        return data.int()
    # Eight codes fill `bits` bytes, and those an int64.
    words = functional.pad(data, (0, -len(data) % bits)).view(-1, bits)
    word = functional.pad(words, (0, 8 - bits)).view(torch.int64)
    run = bits * TOGETHER[bits]
    return (word >> torch.arange(0, 8 * bits, run) & ((1 << run) - 1)).view(-1)


@dataclass(frozen=True, eq=False)
class Numbers:
    """Scales or offsets: number i is code i, times number i // per of `inner` where there is one, plus `add`.

    added: the one code of `add`, where there is one.
    """

    codes: Codes
    inner: Codes | None = None
    per: int = 1
    added: Codes | None = None

    @classmethod
    def of(cls, stored: Tensor | QTensor, how: NumberFormat | Scheme) -> Numbers:
        """From the scales or offsets of a QTensor, [rows, groups]. Raises SchemeError for what `Numbers` cannot say."""
        if isinstance(stored, Tensor):
            assert isinstance(how, NumberFormat)
            return cls(Codes.of(how.encode(stored), how))
        assert isinstance(how, Scheme)
        store = how.shift.store if isinstance(how.shift, Offset) else None
        offset = stored.offset
        several = isinstance(offset, QTensor) or (offset is not None and offset.numel() > 1)
        if not isinstance(stored.scale, Tensor) or stored.zero is not None or several:
            raise SchemeError(
                Text("Las escalas cuantizadas llevan a su vez escalas en coma flotante y, como mucho, un número para "
                     "toda la matriz que se suma; no puntos cero, ni un desplazamiento por grupo, ni otro nivel.",
                     "Quantized scales have floating-point scales in turn and, at most, one number that is added for "
                     "the whole matrix; no zero points, no offset for each group, no further level.")
            )  # fmt: skip
        assert isinstance(how.scale, NumberFormat)
        assert not isinstance(offset, QTensor)
        return cls(
            Codes.of(stored.codes, how.element), Codes.of(how.scale.encode(stored.scale), how.scale),
            how.groups(stored.shape)[2],
            Codes.of(store.encode(offset), store) if isinstance(store, NumberFormat) and offset is not None else None,
        )  # fmt: skip

    def restored(self, how: NumberFormat | Scheme, shape: Shape) -> Tensor | QTensor:
        """What `of` was given."""
        if isinstance(how, NumberFormat) or self.inner is None:
            return self.codes.values().view(shape)
        inner = self.inner.values().view(how.groups(shape)[:2])
        add = self.added.values().view(1, 1) if self.added else None
        return QTensor(self.codes.unpacked().view(shape), inner, None, how, add)

    @property
    def add(self) -> float:
        """What is added to every number."""
        return float(self.added.values()) if self.added else 0.0

    def parts(self, name: str) -> dict[str, Tensor]:
        """Its tensors by name, each beginning with `name`."""
        named = {name: self.codes, f"{name}.inner": self.inner, f"{name}.added": self.added}
        return {part: codes.data for part, codes in named.items() if codes}

    def values(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first]."""
        last = self.codes.count if last is None else last
        values = self.codes.values(first, last)
        if self.inner:
            start = first // self.per
            inner = self.inner.values(start, -(-last // self.per))
            values = values * inner.index_select(0, torch.arange(first, last) // self.per - start)
        return values + self.add if self.added else values


@dataclass(frozen=True, eq=False)
class PackedMatrix:
    """W [out, in] = (v[codes] - zero) * scale or v[codes] * scale + offset, every part packed.

    scale, zero, offset: one for each of the granularity's groups, row after row; None where there are none. table:
    float16 [rows * groups, 2**bits], of learned values (W = table[group, codes]).
    """

    shape: Shape
    scheme: Scheme
    codes: Codes
    scale: Numbers | None
    zero: Codes | None
    offset: Numbers | None
    table: Tensor | None = None

    @classmethod
    def of(cls, q: QTensor) -> PackedMatrix:
        """Pack `q`, whose codes are then no longer needed."""
        s = q.scheme
        store = s.shift.store if isinstance(s.shift, Offset) else None
        return cls(
            q.shape, s, Codes.of(q.codes, s.element),
            None if q.scale is None or s.scale is None else Numbers.of(q.scale, s.scale),
            None if q.zero is None else Codes.of(q.zero, s.element),
            None if q.offset is None or store is None else Numbers.of(q.offset, store),
            None if q.table is None else q.table.half(),
        )  # fmt: skip

    def qtensor(self) -> QTensor:
        """The codes and scales again, as they were."""
        rows, groups, _ = self.scheme.groups(self.shape)
        zero = self.zero.unpacked().view(rows, groups) if self.zero else None
        how = self.scheme.scale
        scale = self.scale.restored(how, (rows, groups)) if self.scale and how else None
        offset = None
        if self.offset and isinstance(self.scheme.shift, Offset):
            offset = self.offset.restored(self.scheme.shift.store, offset_shape(self.scheme, self.shape))
        table = None if self.table is None else self.table.float()
        return QTensor(self.codes.unpacked().view(self.shape), scale, zero, self.scheme, offset, table)

    def quantized(self) -> QuantWeight:
        """`qtensor`, with nothing beside it."""
        return QuantWeight(self.qtensor())

    def parts(self) -> dict[str, Tensor]:
        """The packed tensors by name."""
        found = {"codes": self.codes.data} | ({"zero": self.zero.data} if self.zero else {})
        found |= {} if self.table is None else {"table": self.table}
        for name, numbers in (("scale", self.scale), ("offset", self.offset)):
            found |= numbers.parts(name) if numbers else {}
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.nbytes for part in self.parts().values())

    @property
    def runs(self) -> int:
        """Runs of a row that share a scale: its groups, or one for each weight where groups cross rows unevenly."""
        granularity, columns = self.scheme.granularity, self.shape[1]
        if not isinstance(granularity, PerGroup | Flat):
            return 1
        return columns if columns % granularity.size else columns // granularity.size

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first, in]: the definition of what every kernel computes with.

        Raises IndexError outside of the matrix.
        """
        last, columns = self.shape[0] if last is None else last, self.shape[1]
        if not 0 <= first <= last <= self.shape[0]:
            raise IndexError(f"rows {first} to {last} of {self.shape[0]}")
        if self.table is not None:
            each = len(self.table) // self.shape[0]  # tables of a row; none where all rows have one
            table = self.table[first * each : last * each] if each else self.table
            return looked_up(table.float(), self.codes.unpacked(first * columns, last * columns).view(-1, columns))
        values = self.codes.values(first * columns, last * columns).view(last - first, self.runs, columns // self.runs)
        if self.zero:
            values = values - self._shared(self.zero, first, last)
        if self.scale:
            values = values * self._shared(self.scale, first, last)
        if self.offset:
            values = values + self._shared(self.offset, first, last)
        return values.reshape(last - first, columns)

    def _shared(self, numbers: Numbers | Codes, first: int, last: int) -> Tensor:
        """[rows or 1, runs or 1, 1]: the numbers of these rows. (The values of zero points are their codes.)"""
        read = numbers.values
        granularity, columns = self.scheme.granularity, self.shape[1]
        if numbers_count(numbers) == 1:
            return read(0, 1).view(1, 1, 1)
        if isinstance(granularity, Flat) and columns % granularity.size:
            size, start = granularity.size, first * columns // granularity.size
            at = torch.arange(first * columns, last * columns) // size - start
            return read(start, -(-last * columns // size)).index_select(0, at).view(last - first, columns, 1)
        return read(first * self.runs, last * self.runs).view(last - first, self.runs, 1)


def numbers_count(numbers: Numbers | Codes) -> int:
    """How many scales, offsets or zero points there are."""
    return numbers.codes.count if isinstance(numbers, Numbers) else numbers.count
