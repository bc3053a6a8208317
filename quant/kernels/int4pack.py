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

SIZES = (32, 64, 128, 256)
ROWS = 16  # of output, that the operator packs together
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
    def nbytes(self) -> int:
        """Bytes held."""
        return self.data.nbytes + self.scales.nbytes

    def linear(self, x: Tensor) -> Tensor:
        """float32 [n, out] of x [n, in], which is rounded to bfloat16."""
        product = torch.ops.aten._weight_int4pack_mm_for_cpu
        return product(x.to(torch.bfloat16).contiguous(), self.data, self.size, self.scales)[:, : self.shape[0]].float()

    def qtensor(self) -> QTensor:
        """The codes and scales again: what the operator gives for the unit vectors, without their scales.

        As much work as multiplying `in` tokens.
        """
        units = torch.ones_like(self.scales)
        units[..., 1] = 0
        product = torch.ops.aten._weight_int4pack_mm_for_cpu
        eye = torch.eye(self.shape[1], dtype=torch.bfloat16)
        values = product(eye, self.data, self.size, units).t()  # whole numbers from -8 to 7: exact in bfloat16
        codes = (values.to(torch.int8) & 15).to(torch.uint8)[: self.shape[0]].contiguous()
        scale = self.scales[:, : self.shape[0], 0].float().t().contiguous()
        return QTensor(codes, scale, None, self.scheme)

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first, in]; all of them are decoded on the way."""
        return self.qtensor().dequantize()[first:last]


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
    return all(torch.equal(y, want[: len(y)]) for y in got)
