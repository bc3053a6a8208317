"""A stored matrix as a module, a step or a file knows it, and one with something beside it.

A fast path knows the types of holder that it was written for and refuses every other *by type*, a subclass too; what it
refuses runs through its module, which knows them all (`cpu.linear`). So a new kind of holder can be slow, and never
wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from quant.scheme import Scheme, Shape
from quant.weight import Beside, QuantWeight


class Held(Protocol):
    """A matrix [out, in] as it lies in memory."""

    @property
    def shape(self) -> Shape: ...
    @property
    def scheme(self) -> Scheme: ...

    @property
    def nbytes(self) -> int:
        """Bytes of all its parts."""
        ...

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first, in] of the matrix in effect: the definition of what every product computes with."""
        ...

    def parts(self) -> dict[str, Tensor]:
        """The tensors that it consists of, by name."""
        ...

    def quantized(self) -> QuantWeight:
        """Codes, scales and what stands beside them, as they were given."""
        ...


@dataclass(frozen=True, eq=False)
class Repaired:
    """A holder with something beside it."""

    base: Held
    beside: Beside

    @property
    def shape(self) -> Shape:
        return self.base.shape

    @property
    def scheme(self) -> Scheme:
        return self.base.scheme

    @property
    def nbytes(self) -> int:
        return self.base.nbytes + self.beside.nbytes

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        last = self.shape[0] if last is None else last
        return self.beside.rows(self.base.rows(first, last), first, last)

    def parts(self) -> dict[str, Tensor]:
        return self.base.parts() | self.beside.parts()

    def quantized(self) -> QuantWeight:
        return QuantWeight(self.base.quantized().q, self.beside)
