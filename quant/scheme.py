"""How one matrix is stored: element format, granularity, grid, format of the scales. No algorithms.

Weights are [out, in] everywhere. A matrix is cut into groups that share a scale: the whole matrix, a row (output
channel), or `size` consecutive inputs of a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from quant.errors import SchemeError
from quant.formats import FORMATS, NumberFormat, integer_format
from quant.text import Text

Shape = tuple[int, int]  # (out, in)


@dataclass(frozen=True)
class PerTensor:
    """One scale for the whole matrix."""

    def groups(self, shape: Shape) -> tuple[int, int, int]:
        return 1, 1, shape[0] * shape[1]


@dataclass(frozen=True)
class PerChannel:
    """One scale for each output channel (row)."""

    def groups(self, shape: Shape) -> tuple[int, int, int]:
        return shape[0], 1, shape[1]


@dataclass(frozen=True)
class PerGroup:
    """One scale for each run of `size` inputs of a row."""

    size: int

    def __post_init__(self) -> None:
        if not isinstance(self.size, int) or not 16 <= self.size <= 256:
            raise SchemeError(
                Text("Has pedido grupos de {size}; tiene que ser un entero de 16 a 256.",
                     "Groups of {size} were asked for; it must be a whole number from 16 to 256.")
                .format(size=str(self.size))
            )  # fmt: skip

    def groups(self, shape: Shape) -> tuple[int, int, int]:
        """(rows, groups in a row, weights in a group). Raises SchemeError when `size` does not divide the row."""
        if shape[1] % self.size:
            valid = ", ".join(str(n) for n in range(16, 257) if shape[1] % n == 0) or "—"
            raise SchemeError(
                Text("El grupo de {size} no divide las {inputs} entradas de la matriz; dividen: {valid}.",
                     "A group of {size} does not divide the {inputs} inputs of the matrix; these do: {valid}.")
                .format(size=self.size, inputs=shape[1], valid=valid)
            )  # fmt: skip
        return shape[0], shape[1] // self.size, self.size


Granularity = PerTensor | PerChannel | PerGroup


class Grid(Enum):
    """Where the ends of the integer grid are put: named, never implied.

    ABSMAX: scale = max|w| / (2**(b-1) - 1); codes -(2**(b-1) - 1) .. 2**(b-1) - 1, zero exact (the usual notebook's).
    MINMAX: scale = (max - min) / (2**b - 1) over a range that contains 0, with an integer zero point.
    """

    ABSMAX = "absmax"
    MINMAX = "minmax"


@dataclass(frozen=True)
class Zero:
    """An integer zero point per scale, stored in the element's own bits."""


@dataclass(frozen=True)
class Scheme:
    """How a matrix is stored: W = (v[codes] - zero) * scale, scale and zero shared by a group."""

    element: NumberFormat
    granularity: Granularity
    grid: Grid = Grid.ABSMAX
    scale: NumberFormat = FORMATS["float16"]
    shift: Zero | None = None

    def __post_init__(self) -> None:
        if (self.grid is Grid.MINMAX) != (self.shift is not None):
            raise SchemeError(
                Text("La rejilla {grid} y el punto cero van juntos: MINMAX lo necesita, ABSMAX no lo admite.",
                     "Grid {grid} and zero point go together: MINMAX needs one, ABSMAX takes none.")
                .format(grid=self.grid.name)
            )  # fmt: skip
        self._check("elemento", "element", self.element, [f for f in FORMATS.values() if self._rounds_to(f)])
        self._check("escala", "scale", self.scale, [f for f in FORMATS.values() if f.dtype is not None])

    def _rounds_to(self, element: NumberFormat) -> bool:
        """Whether the grid can use `element`: codes of 8 bits at most, with signs for ABSMAX, without for MINMAX."""
        return element.values is not None and (element.lowest < 0) == (self.grid is Grid.ABSMAX)

    def _check(self, es: str, en: str, got: NumberFormat, allowed: list[NumberFormat]) -> None:
        if got not in allowed:
            raise SchemeError(
                Text("Con la rejilla {grid}, {what} = {got}: se permite {allowed}.",
                     "With grid {grid}, {what} = {got}: allowed are {allowed}.")
                .format(grid=self.grid.name, what=Text(es, en), got=got.name,
                        allowed=", ".join(f.name for f in allowed))
            )  # fmt: skip

    @classmethod
    def integer(cls, bits: int, granularity: Granularity, *, zero_point: bool = False,
                scale: NumberFormat = FORMATS["float16"]) -> Scheme:  # fmt: skip
        """The integer scheme of `bits` bits: absmax without zero point, min-max with one."""
        element = integer_format(bits, signed=not zero_point)
        if zero_point:
            return cls(element, granularity, Grid.MINMAX, scale, Zero())
        return cls(element, granularity, Grid.ABSMAX, scale)

    @property
    def levels(self) -> int:
        """How many different values a group can hold (2**b - 1 for absmax: its lowest code is not used)."""
        return 2**self.element.code_bits - (self.grid is Grid.ABSMAX)

    def scale_bits(self) -> int:
        """Bits stored once per group: the scale and, where there is one, the zero point."""
        return self.scale.code_bits + (self.element.code_bits if self.shift else 0)


def bits_per_weight(scheme: Scheme, shape: Shape) -> float:
    """Codes, scales and zero points of a matrix of `shape`, in bits per weight, before byte padding."""
    rows, groups, size = scheme.granularity.groups(shape)
    return scheme.element.code_bits + rows * groups * scheme.scale_bits() / (rows * groups * size)
