"""4-bit weights in the order of torch's own operator, for machines without a compiler.

`_weight_int4pack_mm_for_cpu` is private and only fast in bfloat16 (in float32 it is 90 times slower, see bench/NOTES),
so it serves schemes whose scales are bfloat16 already: then the weights are exactly those that were quantized, sums are
float32, and only activations and results are rounded. It holds 4 bits a weight and two bfloat16 a group, of which the
second is always 0, for rows that are completed to a multiple of 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from quant.formats import FORMATS
from quant.qtensor import QTensor
from quant.scheme import PerGroup, Scheme, Shape
from quant.weight import QuantWeight

SIZES = (32, 64, 128, 256)
ROWS = 16  # of output: the operator wants a multiple
MOST_ROWS = 128  # that it could lay out together
MIDDLE = 8  # the operator's codes count from 0; its value is (code - 8) * scale
TILES = 2  # an argument that CPU ignores


@dataclass(frozen=True, eq=False)
class Int4Matrix:
    """data: uint8, as the operator packs it; scales: bfloat16 [in / size, out, 2], the second of each pair 0."""

    shape: Shape
    scheme: Scheme
    data: Tensor
    scales: Tensor

    @classmethod
    def fits(cls, scheme: Scheme) -> bool:
        """Whether the operator is here and takes `scheme`."""
        return (
            scheme.element.name == "int4" and scheme.scale == FORMATS["bfloat16"] and scheme.shift is None
            and isinstance(scheme.granularity, PerGroup) and scheme.granularity.size in SIZES and available()
        )  # fmt: skip

    @classmethod
    def of(cls, q: QTensor) -> Int4Matrix:
        """Pack `q`, whose scheme fits."""
        assert isinstance(q.scale, Tensor)
        missing = (0, 0, 0, -q.shape[0] % ROWS)
        codes = functional.pad(q.codes ^ MIDDLE, missing).to(torch.int32)  # two's complement, counted from -8 up
        scale = functional.pad(q.scale, missing)
        scales = torch.stack([scale, torch.zeros_like(scale)], dim=-1).transpose(0, 1)
        data = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, TILES)
        return cls(q.shape, q.scheme, data, scales.to(torch.bfloat16).contiguous())

    @property
    def size(self) -> int:
        """Weights in a group."""
        return self.shape[1] // self.scales.shape[0]

    @property
    def padded(self) -> bool:
        """Whether it has more rows than `shape`."""
        return self.scales.shape[1] != self.shape[0]

    def parts(self) -> dict[str, Tensor]:
        """The tensors that the operator takes."""
        return {"data": self.data, "scales": self.scales}

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return self.data.nbytes + self.scales.nbytes

    def linear(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """float32 [n, out] of x [n, in], which is rounded to bfloat16, plus bias [out]."""
        product = torch.ops.aten._weight_int4pack_mm_for_cpu
        y = product(x.to(torch.bfloat16).contiguous(), self.data, self.size, self.scales)[:, : self.shape[0]]
        return y.float() if bias is None else y + bias

    def counted(self, first: int, last: int) -> Tensor:
        """uint8 [last - first, in]: codes from 0 to 15, read where they lie."""
        flat, columns = self.data.view(-1), self.shape[1]
        found = [torch.empty(0, columns, dtype=torch.uint8)]
        for start in range(first // block_rows() * block_rows(), last, block_rows()):
            rows = min(block_rows(), self.scales.shape[1] - start)
            place, shift = (part[max(first - start, 0) : last - start] for part in _order(rows, columns))
            block = flat[start * columns // 2 : (start + rows) * columns // 2]
            found.append(block[place] >> shift & 15)
        return torch.cat(found)

    def qtensor(self) -> QTensor:
        """The codes and scales again."""
        out, _ = self.shape
        return QTensor(self.counted(0, out) ^ MIDDLE, self._scale(0, out), None, self.scheme)

    def quantized(self) -> QuantWeight:
        """`qtensor`, with nothing beside it."""
        return QuantWeight(self.qtensor())

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first, in]: what `QTensor.dequantize` gives."""
        last = self.shape[0] if last is None else last
        n, scale = last - first, self._scale(first, last).unsqueeze(-1)
        values = (self.counted(first, last).float() - MIDDLE).view(n, len(self.scales), self.size)
        return (values * scale).view(n, self.shape[1])

    def _scale(self, first: int, last: int) -> Tensor:
        """float32 [last - first, groups]."""
        return self.scales[:, first:last, 0].float().t().contiguous()


@cache
def block_rows() -> int:
    """Rows that the operator lays out together, the same way in every block; it depends on the processor."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(16, (2 * MOST_ROWS, 64), generator=generator, dtype=torch.int32)
    whole, n = _packed(codes), ROWS
    while n < MOST_ROWS and not torch.equal(torch.cat([_packed(part) for part in codes.split(n)]), whole):
        n *= 2
    return n


def _packed(codes: Tensor) -> Tensor:
    """uint8 [out * in / 2] of codes int32 [out, in] from 0 to 15."""
    return torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, TILES).view(-1)


@cache
def _order(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Byte and shift of each code of a block [rows, columns]; the operator's own packing of their numbers tells."""
    numbers = torch.arange(rows * columns, dtype=torch.int32).view(rows, columns)
    found = torch.zeros(rows * columns, dtype=torch.long)
    for digit in range(0, (rows * columns - 1).bit_length(), 4):
        data = _packed(numbers >> digit & 15)
        found |= torch.stack([data & 15, data >> 4], dim=-1).view(-1).long() << digit
    where = found.argsort().view(rows, columns)
    return where >> 1, ((where & 1) * 4).to(torch.uint8)


@cache
def available() -> bool:
    """Whether this torch has the operator and it is right, about the order of weights and of scales too."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(16, (2 * ROWS, 64), generator=generator, dtype=torch.int32)
    exponents = torch.randint(-3, 4, (2, 2 * ROWS), generator=generator)
    scales = torch.stack([2.0**exponents, torch.zeros(2, 2 * ROWS)], dim=-1).to(torch.bfloat16)
    x = torch.randint(-4, 5, (3, 64), generator=generator).to(torch.bfloat16)
    try:
        data = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, TILES)
        got = [torch.ops.aten._weight_int4pack_mm_for_cpu(x[:n], data, 32, scales) for n in (1, len(x))]
    except (AttributeError, RuntimeError):
        return False
    # Every product and sum is a multiple of 1/8 below 2^15: float32 has them exactly, in any order.
    want = (x.float() @ ((codes - MIDDLE) * scales[..., 0].float().t().repeat_interleave(32, dim=1)).t()).bfloat16()
    return all(torch.equal(y, want[: len(y)]) for y in got) and _order_is_known()


def _order_is_known() -> bool:
    """Whether codes are found again where `counted` looks: in whole blocks and in what is left of one."""
    rows = MOST_ROWS + block_rows() + ROWS
    codes = torch.randint(16, (rows, 32), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    scheme = Scheme.integer(4, PerGroup(32), scale=FORMATS["bfloat16"])
    held = Int4Matrix((rows, 32), scheme, _packed(codes), torch.ones(1, rows, 2))
    return torch.equal(held.counted(0, rows), codes.byte())
