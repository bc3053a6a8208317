"""A packed matrix with its float32 rows beside it, for what no kernel of this machine multiplies as it is packed.

Decoding a matrix for each token costs several times the product itself; a float32 copy is multiplied as the original
is. It takes four bytes a weight on top of the packed ones, and says so: quantization is then simulated, as far as speed
and memory go.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from quant.kernels.matrix import PackedMatrix
from quant.scheme import Scheme, Shape
from quant.weight import QuantWeight


@dataclass(frozen=True, eq=False)
class Expanded:
    """values: float32 [out, in], the very numbers of `packed.rows()`."""

    packed: PackedMatrix
    values: Tensor

    @classmethod
    def of(cls, matrix: PackedMatrix) -> Expanded:
        """`matrix` with its rows, decoded now."""
        return cls(matrix, matrix.rows())

    @property
    def shape(self) -> Shape:
        return self.packed.shape

    @property
    def scheme(self) -> Scheme:
        return self.packed.scheme

    @property
    def copy(self) -> tuple[Tensor, ...]:
        """What is read to write a token."""
        return (self.values,)

    def parts(self) -> dict[str, Tensor]:
        """The tensors of the packed matrix and the copy."""
        return self.packed.parts() | {"values": self.values}

    @property
    def nbytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.nbytes for part in self.parts().values())

    def rows(self, first: int = 0, last: int | None = None) -> Tensor:
        """float32 [last - first, in], the caller's own. Raises IndexError outside of the matrix."""
        last = self.shape[0] if last is None else last
        if not 0 <= first <= last <= self.shape[0]:
            raise IndexError(f"rows {first} to {last} of {self.shape[0]}")
        return self.values[first:last].clone()

    def quantized(self) -> QuantWeight:
        """What the packed matrix holds."""
        return self.packed.quantized()
