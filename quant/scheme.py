"""How one matrix is stored: element format, granularity, grid, format of the scales. No algorithms.

Weights are [out, in] everywhere. A matrix is cut into groups that share a scale: the entire matrix, a row (output
channel), `size` consecutive inputs of a row, or `size` consecutive weights of the matrix laid flat. Scales form a
matrix [rows, groups] of their own, and may be stored by a scheme in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from quant.arguments import check, check_fields
from quant.errors import SchemeError, asked
from quant.formats import FORMATS, NumberFormat, integer_format
from quant.nearest import Ties
from quant.text import Text

Shape = tuple[int, int]  # (out, in)
SMALLEST_GROUP, LARGEST_GROUP = 8, 256
COMMON_GROUP = 16  # smaller ones are for matrices of scales


@dataclass(frozen=True)
class PerTensor:
    """One scale for the entire matrix.

    >>> from quant import PerTensor
    >>> PerTensor().groups((768, 3072))  # rows, groups in a row, weights in a group
    (1, 1, 2359296)
    """

    def groups(self, shape: Shape) -> tuple[int, int, int]:
        return 1, 1, shape[0] * shape[1]


@dataclass(frozen=True)
class PerChannel:
    """One scale for each output channel: a row of the weight [out, in].

    >>> from quant import PerChannel
    >>> PerChannel().groups((768, 3072))  # rows, groups in a row, weights in a group
    (768, 1, 3072)
    """

    def groups(self, shape: Shape) -> tuple[int, int, int]:
        return shape[0], 1, shape[1]


@dataclass(frozen=True)
class PerGroup:
    """One scale for each run of `size` inputs of a row of the weight [out, in]; `size` from 8 to 256.

    Raises SchemeError for another size, and in `groups` where it does not divide the row.

    >>> from quant import PerGroup
    >>> PerGroup(64).groups((768, 3072))  # rows, groups in a row, weights in a group
    (768, 48, 64)
    """

    size: int

    def __post_init__(self) -> None:
        if type(self.size) is not int or not SMALLEST_GROUP <= self.size <= LARGEST_GROUP:
            raise SchemeError(
                Text("Has pedido grupos de {size}; tiene que ser un entero de {low} a {high}.",
                     "Groups of {size} were asked for; it must be a whole number from {low} to {high}.")
                .format(size=asked(self.size), low=SMALLEST_GROUP, high=LARGEST_GROUP)
            )  # fmt: skip

    def groups(self, shape: Shape) -> tuple[int, int, int]:
        """(rows, groups in a row, weights in a group). Raises SchemeError when `size` does not divide the row."""
        if shape[1] % self.size:
            sizes = range(COMMON_GROUP, LARGEST_GROUP + 1)
            valid = ", ".join(str(n) for n in sizes if shape[1] % n == 0) or "—"
            raise SchemeError(
                Text("El grupo de {size} no divide las {inputs} entradas de la matriz; dividen: {valid}.",
                     "A group of {size} does not divide the {inputs} inputs of the matrix; these do: {valid}.")
                .format(size=self.size, inputs=shape[1], valid=valid)
            )  # fmt: skip
        return shape[0], shape[1] // self.size, self.size


@dataclass(frozen=True)
class Flat:
    """One scale for each run of `size` weights of the matrix laid flat, across rows; the last run may be shorter."""

    size: int

    def groups(self, shape: Shape) -> tuple[int, int, int]:
        return 1, -(-shape[0] * shape[1] // self.size), self.size


Granularity = PerTensor | PerChannel | PerGroup | Flat


class Grid(Enum):
    """How a group's scale is chosen: named, never implied. `highest` and `lowest` are the element's.

    ABSMAX: max|w| / highest, so that 0 and signs are exact; integers leave their lowest code out (the notebooks' grid:
    127 and 255 levels at 8 bits, 7 and 15 at 4).
    HALF: max|w| / (highest + 1/2), with every code (torchao's: 127.5 and 256 levels, 7.5 and 16): of two weights of
    largest magnitude the negative one gets the lowest code, and both are half a step off.
    MINMAX: (max - min) / highest over a range that contains 0, with an integer zero point (256 levels, 16).
    SIGNED_MAX: w / lowest for the w of largest magnitude, which is exact; the scale may be negative (ggml's Q4_0; 256
    levels, 16).
    RANGE: (max - min) / highest, with the minimum stored beside it as an offset (ggml's Q4_1; 256 levels, 16).
    POWER_OF_TWO: the power of two that puts max|w| in the element's top binade, by its exponent bits (OCP MX).
    POWER_OF_TWO_GGML: that of log2(max|w|) rounded to float32: twice as large just below some powers (ggml's MXFP4).
    ABSMAX_GGML: max|w| / highest as ggml rounds it to E4M3, with codes found on the scale as stored (its NVFP4).
    CENTRED: the mean of the matrix is stored and subtracted first, then ABSMAX (bitsandbytes' nested scales).
    UNIT: no scale at all, a plain cast.
    SEARCH: whatever scale and offset give the least squared error (ggml's K-quants).
    LEARNED: no scale; the values themselves are learned, a table for the matrix, for each row or for each group of one,
    in float16: of 16 values for 64 weights that is 4 bits a weight beside the codes.
    """

    ABSMAX = "absmax"
    MINMAX = "minmax"
    SIGNED_MAX = "signed max"
    RANGE = "range"
    POWER_OF_TWO = "power of two"
    POWER_OF_TWO_GGML = "power of two, ggml"
    ABSMAX_GGML = "absmax, ggml"
    CENTRED = "centred"
    UNIT = "unit"
    SEARCH = "search"
    LEARNED = "learned"
    HALF = "half"


class CodesFrom(Enum):
    """Which scale the weights are divided by: the one that is stored, or the one computed before it was rounded."""

    STORED = "stored"
    COMPUTED = "computed"


@dataclass(frozen=True)
class Zero:
    """An integer zero point per scale, stored in the element's own bits."""


@dataclass(frozen=True)
class Offset:
    """A number per scale that is added after scaling, stored in a format or by a scheme of its own."""

    store: NumberFormat | Scheme


SHIFTS: dict[Grid, tuple[type, ...]] = {
    Grid.MINMAX: (Zero,), Grid.RANGE: (Offset,), Grid.CENTRED: (Offset,), Grid.SEARCH: (type(None), Offset),
}  # fmt: skip

INTEGER_GRIDS = (Grid.ABSMAX, Grid.HALF, Grid.SIGNED_MAX, Grid.MINMAX, Grid.RANGE)


@dataclass(frozen=True)
class Scheme:
    """How a matrix is stored: W = (v[codes] - zero) * scale or v[codes] * scale + offset, shared by a group.

    ties: where a weight halfway between two values goes, the element's own way unless said; name: of a published block
    format, for messages; its byte layout is that of the scheme, whatever it is called.

    Raises SchemeError for an element, scale or shift that the grid does not take.

    >>> from quant import PerChannel, PerGroup, Scheme
    >>> Scheme.integer(4, PerGroup(64), zero_point=True).levels
    16
    >>> Scheme.integer(8, PerChannel()).levels  # absmax leaves the lowest code out
    255
    """

    element: NumberFormat
    granularity: Granularity
    grid: Grid = Grid.ABSMAX
    scale: NumberFormat | Scheme | None = FORMATS["float16"]
    shift: Zero | Offset | None = None
    ties: Ties | None = None
    codes_from: CodesFrom = CodesFrom.STORED
    name: str = ""

    def __post_init__(self) -> None:
        check_fields(self, SchemeError)
        if not isinstance(self.shift, SHIFTS.get(self.grid, (type(None),))):
            raise SchemeError(
                Text("La rejilla {grid} y el punto cero o el desplazamiento van juntos: MINMAX lleva punto cero; RANGE "
                     "y CENTRED, desplazamiento; SEARCH, desplazamiento o nada; las demás, nada.",
                     "Grid {grid} and zero point or offset go together: MINMAX takes a zero point; RANGE and CENTRED "
                     "an offset; SEARCH an offset or nothing; the others nothing.")
                .format(grid=self.grid.name)
            )  # fmt: skip
        _check(self.grid, Text("elemento", "element"), self.element, self._holds)
        if self.grid is Grid.LEARNED:
            self._check_tables()
        if not isinstance(self.scale, Scheme):
            _check(self.grid, Text("escala", "scale"), self.scale, self._scales)

    def _check_tables(self) -> None:
        """Raise SchemeError for tables that lie across rows, or of as many values as a group has weights."""
        if isinstance(self.granularity, Flat):
            raise SchemeError(
                Text("Una tabla aprendida es de toda la matriz, de una fila o de un grupo de una fila, no de {got}.",
                     "A learned table is one for the matrix, for a row or for a group of a row, not one for {got}.")
                .format(got=str(self.granularity))
            )  # fmt: skip
        count = 1 << self.element.code_bits
        if isinstance(self.granularity, PerGroup) and count >= self.granularity.size:
            raise SchemeError(
                Text("Una tabla de {count} valores para cada grupo de {size} pesos: tiene que haber más pesos que "
                     "valores. Elige menos bits, grupos mayores o una tabla por fila.",
                     "A table of {count} values for each group of {size} weights: there must be more weights than "
                     "values. Choose fewer bits, larger groups or a table for each row.")
                .format(count=count, size=self.granularity.size)
            )  # fmt: skip

    def _holds(self, element: NumberFormat | None) -> bool:
        """Whether the grid can use `element` for the codes."""
        if element is None or self.grid is Grid.LEARNED or element.learned:
            return element is not None and self.grid is Grid.LEARNED and element.learned
        if self.grid is Grid.UNIT:
            return element.layout is not None and element.layout.signed and element.code_bits in (4, 6, 8, 16)
        if element.values is None:
            return False
        if self.grid in (Grid.MINMAX, Grid.RANGE):
            return element.is_integer and element.lowest == 0
        if self.grid in (Grid.SIGNED_MAX, Grid.HALF):
            return element.is_integer and element.lowest < 0
        if self.grid is Grid.ABSMAX_GGML:
            return element is FORMATS["float4_e2m1fn"]
        if self.grid in (Grid.POWER_OF_TWO, Grid.POWER_OF_TWO_GGML):
            return element.layout is not None and element.lowest < 0
        return element.lowest < 0 or self.grid is Grid.SEARCH

    def _scales(self, scale: NumberFormat | None) -> bool:
        if scale is None or self.grid in (Grid.UNIT, Grid.LEARNED):
            return scale is None and self.grid in (Grid.UNIT, Grid.LEARNED)
        if self.grid is Grid.ABSMAX_GGML:
            return scale is FORMATS["float8_e4m3fn"]
        return scale.layout is not None and scale.code_bits in (8, 16, 32)

    @classmethod
    def integer(cls, bits: int, granularity: Granularity, *, zero_point: bool = False, grid: Grid | None = None,
                scale: NumberFormat = FORMATS["float16"]) -> Scheme:  # fmt: skip
        """The integer scheme of `bits` bits, 2 to 8, on one of the grids of INTEGER_GRIDS.

        grid: ABSMAX unless said, or MINMAX with `zero_point`. The scale of the largest magnitude, and the levels at 8
        bits: ABSMAX max|w| / 127 and 255, HALF / 127.5 and 256, SIGNED_MAX / -128 and 256; MINMAX, with an integer zero
        point, and RANGE, with a float offset in the format of the scale, spread 256 over the range. Raises SchemeError
        for other bits or grids, and for a zero point on a symmetric grid.

        >>> from quant import PerChannel, Scheme
        >>> from quant.scheme import Grid
        >>> [Scheme.integer(4, PerChannel(), grid=grid).levels for grid in (Grid.ABSMAX, Grid.HALF, Grid.RANGE)]
        [15, 16, 16]
        """
        check("Scheme.integer, zero_point", zero_point, bool, SchemeError)
        check("Scheme.integer, grid", grid, Grid | None, SchemeError)
        chosen = grid or (Grid.MINMAX if zero_point else Grid.ABSMAX)
        asymmetric = chosen in (Grid.MINMAX, Grid.RANGE)
        if chosen not in INTEGER_GRIDS or (zero_point and not asymmetric):
            allowed = INTEGER_GRIDS[-2:] if zero_point else INTEGER_GRIDS
            raise SchemeError(
                Text("Enteros con la rejilla {got}{zero}: se permite {allowed}.",
                     "Integers on grid {got}{zero}: allowed are {allowed}.")
                .format(got=chosen.name, allowed=", ".join(g.name for g in allowed),
                        zero=Text(" y punto cero", " and a zero point") if zero_point else "")
            )  # fmt: skip
        shifts: dict[Grid, Zero | Offset] = {Grid.MINMAX: Zero(), Grid.RANGE: Offset(scale)}
        return cls(integer_format(bits, signed=not asymmetric), granularity, chosen, scale, shifts.get(chosen))

    @property
    def levels(self) -> int:
        """How many different values a group can hold (2**b - 1 for absmax integers: the lowest code is not used)."""
        return self.element.properties.distinct_values - self.omits_lowest

    @property
    def omits_lowest(self) -> bool:
        """Whether the lowest code stays unused, so that the grid is symmetric."""
        return self.grid is Grid.ABSMAX and self.element.is_integer

    @property
    def block(self) -> int:
        """Weights in the smallest run of a row that is stored on its own; 1 where rows need no multiple."""
        size = self.granularity.size if isinstance(self.granularity, PerGroup) else 1
        return size * (self.scale.block if isinstance(self.scale, Scheme) else 1)

    def groups(self, shape: Shape) -> tuple[int, int, int]:
        """(rows, groups in a row, weights in a group). Raises SchemeError when a row is no multiple of the block."""
        if self.name and shape[1] % self.block:
            raise SchemeError(
                Text("{name} guarda bloques de {block} pesos y la matriz tiene filas de {inputs}, que no es múltiplo.",
                     "{name} stores blocks of {block} weights and the matrix has rows of {inputs}, not a multiple.")
                .format(name=self.name, block=self.block, inputs=shape[1])
            )  # fmt: skip
        return self.granularity.groups(shape)


def _check(grid: Grid, what: Text, got: NumberFormat | None, allowed: Callable[[NumberFormat | None], bool]) -> None:
    if not allowed(got):
        names = [f.name for f in FORMATS.values() if allowed(f)] or ["—"]
        raise SchemeError(
            Text("Con la rejilla {grid}, {what} = {got}: se permite {allowed}.",
                 "With grid {grid}, {what} = {got}: allowed are {allowed}.")
            .format(grid=grid.name, what=what, got=got.name if got else "—", allowed=", ".join(names))
        )  # fmt: skip
