"""Up to 4 bits by torch's own operator, for machines without a compiler: a copy of the codes in that operator's order.

`_weight_int4pack_mm_for_cpu` is private and only fast in bfloat16 (in float32 90 times slower, see bench/NOTES.md). Of
codes c from 0 to 15 it takes the weights (c - 8) * scale + zero, with a bfloat16 scale and zero for each group. A
float16 scale s has 11 significant bits and a bfloat16 one 8, so that s is exactly the sum of two of these; so is what
a zero point adds, f * s for a whole number f of at most 8. The codes are therefore there twice in a row of the
operator's matrix, once with the upper parts and once with the lower, and so are the activations:

    [x, x] [(c - 8) * upper + zero_upper, (c - 8) * lower + zero_lower]^T = x W^T

The weights are exactly those that were quantized and sums are float32; activations and results are rounded to bfloat16,
so that this serves to write a few tokens, and never to score. Rejected: two calls with the codes once; each call waits
for all threads, which on a busy machine costs more than its work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from quant.formats import FORMATS
from quant.kernels.matrix import Codes, Numbers, PackedMatrix, numbers_count
from quant.scheme import Scheme, Shape, Zero
from quant.weight import QuantWeight

SIZES = (256, 128, 64, 32)  # of the operator's groups
SCALES = (FORMATS["float16"], FORMATS["bfloat16"])
ROWS = 16  # of output: the operator wants a multiple
MIDDLE, CODES = 8, 16
TILES = 2  # an argument that CPU ignores


@dataclass(frozen=True, eq=False)
class Int4Matrix:
    """A packed matrix and the copy that the operator takes.

    data: uint8, its codes twice in each row; scales: bfloat16 [2 * in / size, rows, 2], a scale and a zero each, first
    all upper parts. Rows are completed to a multiple of 16.
    """

    packed: PackedMatrix
    data: Tensor
    scales: Tensor

    @classmethod
    def fits(cls, matrix: PackedMatrix) -> bool:
        """Whether the operator is here, and fast, and takes `matrix` exactly."""
        s = matrix.scheme
        shift = s.shift is None or isinstance(s.shift, Zero)
        return s.scale in SCALES and shift and _lowest(s) is not None and _size(matrix) > 0 and available()

    @classmethod
    def of(cls, matrix: PackedMatrix) -> Int4Matrix:
        """The copy of `matrix`, which fits."""
        (rows, columns), lowest = matrix.shape, _lowest(matrix.scheme)
        assert lowest is not None
        assert matrix.scale is not None
        missing = (0, 0, 0, -rows % ROWS)
        codes = functional.pad((matrix.codes.values() - lowest).to(torch.int32).view(rows, columns), missing)
        scale, zero = _shared(matrix, matrix.scale), lowest + MIDDLE  # what is added, over the scale
        factor = zero - _shared(matrix, matrix.zero) if matrix.zero else torch.full_like(scale, zero)
        exact = functional.pad(torch.stack([scale, factor * scale], dim=-1).transpose(0, 1), (0, 0, 0, missing[-1]))
        data = torch.ops.aten._convert_weight_to_int4pack_for_cpu(torch.cat([codes, codes], dim=1), TILES)
        return cls(matrix, data, torch.cat(halves(exact)))

    @property
    def shape(self) -> Shape:
        return self.packed.shape

    @property
    def scheme(self) -> Scheme:
        return self.packed.scheme

    @property
    def size(self) -> int:
        """Weights in a group of the operator's."""
        return 2 * self.shape[1] // self.scales.shape[0]

    @property
    def padded(self) -> bool:
        """Whether the copy has more rows than `shape`."""
        return self.scales.shape[1] != self.shape[0]

    @property
    def copy(self) -> tuple[Tensor, ...]:
        """What is read to write a token."""
        return self.data, self.scales

    def parts(self) -> dict[str, Tensor]:
        """The tensors of the packed matrix and of the copy."""
        return self.packed.parts() | {"data": self.data, "scales": self.scales}

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.nbytes for part in self.parts().values())

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first, in] of the packed matrix: the definition."""
        return self.packed.rows(first, last)

    def quantized(self) -> QuantWeight:
        """What the packed matrix holds."""
        return self.packed.quantized()

    def linear(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """float32 [n, out] of x [n, in], which is rounded to bfloat16, plus bias [out]; so is the product."""
        product = torch.ops.aten._weight_int4pack_mm_for_cpu
        y = product(x.bfloat16().repeat(1, 2), self.data, self.size, self.scales)[:, : self.shape[0]]
        return y.float() if bias is None else y + bias


def halves(numbers: Tensor) -> tuple[Tensor, Tensor]:
    """Two bfloat16 tensors whose sum is `numbers`, float32 of at most 16 significant bits."""
    upper = numbers.bfloat16()
    return upper, (numbers - upper.float()).bfloat16()


def _lowest(scheme: Scheme) -> int | None:
    """The value of the operator's code 0, from -8 to 0; None where the element's values are not among its 16."""
    values = scheme.element.values
    if values is None or not bool((values == values.round()).all()):
        return None
    lowest = -MIDDLE if float(values.min()) < 0 else 0
    return lowest if lowest <= float(values.min()) and float(values.max()) < lowest + CODES else None


def _size(matrix: PackedMatrix) -> int:
    """The largest of the operator's groups in which a scale is shared; 0 where there is none."""
    if not matrix.runs or matrix.shape[1] % matrix.runs or not matrix.shape[0]:
        return 0
    run = matrix.shape[1] // matrix.runs
    return next((size for size in SIZES if run and run % size == 0), 0)


def _shared(matrix: PackedMatrix, numbers: Numbers | Codes) -> Tensor:
    """float32 [out, in / size] of scales or zero points."""
    found = numbers.values()
    found = found.view(1, 1) if numbers_count(numbers) == 1 else found.view(matrix.shape[0], -1)
    return found.expand(matrix.shape[0], matrix.runs).repeat_interleave(
        matrix.shape[1] // matrix.runs // _size(matrix), dim=1
    )  # fmt: skip


@cache
def available() -> bool:
    """Whether this torch has the operator, with code for this processor's vectors, and it is right.

    About the order of weights, scales and zeros too. Without vectors it is slower than float32.
    """
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return False
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(CODES, (2 * ROWS, 64), generator=generator, dtype=torch.int32)
    scales = 2.0 ** torch.randint(-3, 4, (2, 2 * ROWS, 2), generator=generator)
    x = torch.randint(-4, 5, (3, 64), generator=generator).to(torch.bfloat16)
    try:
        data = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, TILES)
        multiply = torch.ops.aten._weight_int4pack_mm_for_cpu
        got = [multiply(x[:n], data, 32, scales.bfloat16()) for n in (1, len(x))]
    except (AttributeError, RuntimeError):
        return False
    scale, zero = (part.t().repeat_interleave(32, dim=1) for part in scales.unbind(-1))
    # Every product and sum is a multiple of 1/8 below 2^15: float32 has them exactly, in any order.
    want = (x.float() @ ((codes - MIDDLE) * scale + zero).t()).bfloat16()
    return all(torch.equal(y, want[: len(y)]) for y in got)
