"""A quantized matrix and what may stand beside it: the result of every method.

    W ~ (deq(q) + A B), its columns `outliers` kept in float, applied to (x / pre_scale) H

so that y = x W^T is computed as

    z = (x / pre_scale) H,   z' = z with the outlier columns set to 0
    y = z' deq(q)^T + (z' B^T) A^T + z[outliers] values^T

The quantized part never sees the outliers (LLM.int8(), Dettmers et al. 2022, arXiv:2208.07339); a pre-scale divides
what comes in where no layer before can (AWQ, Lin et al. 2023, arXiv:2306.00978); H, Hadamard's matrix in blocks,
spreads one large input over many (QuaRot, Ashkboos et al. 2024, arXiv:2404.00456); A B adds what rounding lost in few
directions. Outliers, A and B are float16, the rest float32; all of it is counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quant.hadamard import rotated
from quant.qtensor import QTensor
from quant.scheme import Scheme, Shape


@dataclass(frozen=True, eq=False)
class Outliers:
    """Columns kept in float. columns: int64 [k], rising; values: float16 [out, k]."""

    columns: Tensor
    values: Tensor


@dataclass(frozen=True, eq=False)
class LowRank:
    """A correction A B. a: float16 [out, rank]; b: float16 [rank, in]."""

    a: Tensor
    b: Tensor


@dataclass(frozen=True, eq=False)
class Beside:
    """What stands beside the codes of one matrix. pre_scale: float32 [in], none of it 0.

    hadamard: int64 [1], the size of the blocks in which what comes in is rotated (hadamard.py). largest: float32 [1],
    the largest magnitude that reaches the codes on a calibration text, for a static scale of the activations; it
    changes no weight.
    """

    pre_scale: Tensor | None = None
    outliers: Outliers | None = None
    low_rank: LowRank | None = None
    largest: Tensor | None = None
    hadamard: Tensor | None = None

    def __bool__(self) -> bool:
        return bool(self.parts())

    def parts(self) -> dict[str, Tensor]:
        """Its tensors by name; empty where nothing stands beside."""
        found = {} if self.pre_scale is None else {"pre_scale": self.pre_scale}
        if self.outliers:
            found |= {"outliers.columns": self.outliers.columns, "outliers.values": self.outliers.values}
        if self.low_rank:
            found |= {"low_rank.a": self.low_rank.a, "low_rank.b": self.low_rank.b}
        single = {"largest": self.largest, "hadamard": self.hadamard}
        return found | {name: part for name, part in single.items() if part is not None}

    @classmethod
    def of(cls, parts: dict[str, Tensor]) -> Beside:
        """The inverse of `parts`."""
        outliers = "outliers.columns" in parts
        return cls(
            parts.get("pre_scale"),
            Outliers(parts["outliers.columns"], parts["outliers.values"]) if outliers else None,
            LowRank(parts["low_rank.a"], parts["low_rank.b"]) if "low_rank.a" in parts else None,
            parts.get("largest"),
            parts.get("hadamard"),
        )

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        return sum(part.nbytes for part in self.parts().values())

    def before(self, x: Tensor) -> Tensor:
        """float32 [..., in]: z of x, what the matrix is applied to."""
        z = x if self.pre_scale is None else x / self.pre_scale
        return z if self.hadamard is None else rotated(z, int(self.hadamard))

    def rows(self, decoded: Tensor, first: int, last: int) -> Tensor:
        """float32 [last - first, in]: the matrix in effect, of its decoded rows, which are not changed."""
        w = decoded.clone()
        if self.low_rank:
            w += self.low_rank.a[first:last].float() @ self.low_rank.b.float()
        if self.outliers:
            w[:, self.outliers.columns] = self.outliers.values[first:last].float()
        w = w if self.hadamard is None else rotated(w, int(self.hadamard))
        return w if self.pre_scale is None else w / self.pre_scale

    def reaching(self, largest: Tensor) -> Tensor:
        """float32 [1]: the largest magnitude that reaches the codes where z reaches `largest` [in]."""
        reach = largest.index_fill(0, self.outliers.columns, 0.0) if self.outliers else largest
        return reach.amax().view(1)

    def product(self, x: Tensor, quantized: Callable[[Tensor], Tensor]) -> Tensor:
        """float32 [n, out] of x [n, in]; `quantized` multiplies by the codes alone, [n, in] to [n, out]."""
        z = self.before(x)
        kept = z[:, self.outliers.columns] @ self.outliers.values.float().t() if self.outliers else None
        if self.outliers:
            z = z.index_fill(1, self.outliers.columns, 0.0)
        y = quantized(z)
        if self.low_rank:
            y = y + (z @ self.low_rank.b.float().t()) @ self.low_rank.a.float().t()
        return y if kept is None else y + kept


PART_DTYPES = {
    "outliers.columns": torch.int64, "hadamard": torch.int64, "outliers.values": torch.float16,
    "low_rank.a": torch.float16, "low_rank.b": torch.float16, "pre_scale": torch.float32, "largest": torch.float32,
}  # fmt: skip


def part_dtype(name: str) -> torch.dtype:
    """Of a part by its name."""
    return PART_DTYPES[name]


def part_bytes(name: str, shape: tuple[int, ...]) -> int:
    """Bytes of a part of that shape."""
    return math.prod(shape) * part_dtype(name).itemsize


@dataclass(frozen=True, eq=False)
class QuantWeight:
    """What a method makes of a matrix [out, in]."""

    q: QTensor
    beside: Beside = Beside()

    @property
    def shape(self) -> Shape:
        return self.q.shape

    @property
    def scheme(self) -> Scheme:
        return self.q.scheme

    @property
    def behind(self) -> QuantWeight:
        """The same behind the scale and the rotation of what comes in."""
        return QuantWeight(self.q, Beside(outliers=self.beside.outliers, low_rank=self.beside.low_rank))

    def dequantize(self) -> Tensor:
        """float32 [out, in]: the matrix in effect."""
        decoded = self.q.dequantize()
        return self.beside.rows(decoded, 0, len(decoded)) if self.beside else decoded
