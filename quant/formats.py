"""Number formats: what values a code can stand for. No scales, no model.

A format of at most 8 bits is its table: `values[c]` is the number that bit pattern `c` stands for (two's complement
for signed integers, so the table is not sorted; -0 and NaN are there). A wider one is a float and its layout.
`FORMATS` holds them all by the names of ml_dtypes and torch; a new format is one row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache, cached_property

import torch
from torch import Tensor

from quant.codebooks import FP4, IQ4, NF4, dynamic_table
from quant.errors import SchemeError, asked
from quant.floats import FloatLayout, Overflow, Specials
from quant.nearest import Rounder, Ties, rounder
from quant.text import Text

TABLE_BITS = 8


@dataclass(frozen=True)
class Properties:
    """What a format can tell apart. None where the notion has no meaning in it.

    significant_bits: of a normal number, the hidden one included; digits: the same in decimal digits; epsilon: from 1
    to the next number; distinct_values: finite ones, both zeros counted as one.
    """

    largest: float
    smallest_positive: float
    distinct_values: int
    significant_bits: int | None = None
    smallest_normal: float | None = None
    smallest_subnormal: float | None = None

    @property
    def digits(self) -> float | None:
        return None if self.significant_bits is None else self.significant_bits * math.log10(2)

    @property
    def epsilon(self) -> float | None:
        return None if self.significant_bits is None else 2.0 ** (1 - self.significant_bits)


@dataclass(frozen=True)
class NumberFormat:
    """A set of numbers that `code_bits` bits can name.

    values: float32 [2**code_bits] by bit pattern (NaN where a pattern is not a number), None above 8 bits; layout: of
    a float; dtype: torch's type of the very same bits, where it has one; ties: how `nearest` breaks them; learned: a
    code is a place in a table that its matrix brings (`QTensor.table`), and so are `values`.

    Two formats are equal only if their values are, bit for bit: caches are keyed by formats.
    """

    name: str
    code_bits: int
    source: str
    values: Tensor | None = field(default=None, compare=False, repr=False)
    layout: FloatLayout | None = None
    dtype: torch.dtype | None = None
    ties: Ties = Ties.EVEN
    learned: bool = False
    _table: bytes = field(init=False, repr=False)  # the values, where they can be compared and hashed

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", b"" if self.values is None else self.values.numpy().tobytes())

    @property
    def lowest(self) -> float:
        return -self.properties.largest if self.layout and self.layout.signed else float(self._finite().min())

    @property
    def highest(self) -> float:
        return self.properties.largest

    @property
    def is_integer(self) -> bool:
        """Whether the values are consecutive integers."""
        return self.layout is None and self.name.lstrip("u").startswith("int")

    @property
    def overflow(self) -> Overflow:
        """What becomes of what is too large, unless `encode` is told otherwise: what ml_dtypes does."""
        return self.layout.default_overflow if self.layout else Overflow.SATURATE

    @cached_property
    def properties(self) -> Properties:
        if self.layout is not None:
            return _float_properties(self.layout)
        values = self._finite().unique()
        return Properties(float(values.max()), float(values[values > 0].min()), len(values))

    def encode(self, x: Tensor, overflow: Overflow | None = None) -> Tensor:
        """Bit patterns of the values nearest to `x`, same shape: uint8 up to 8 bits, int64 above.

        Floats are rounded from float64 once, keep the sign of zero, and follow `overflow`; integers and tables
        saturate. Raises SchemeError for a policy that the format does not have, and for NaN where there is none.
        """
        if self.dtype is torch.float64:
            return x.double().contiguous().view(torch.int64)
        if self.layout is not None:
            codes = self.layout.encode(x, overflow)
            return codes if self.values is None else codes.to(torch.uint8)
        if overflow not in (None, Overflow.SATURATE) or bool(torch.isnan(x).any()):
            raise SchemeError(
                Text("{name} solo guarda números finitos: no tiene infinito ni NaN, y lo que no cabe se satura.",
                     "{name} holds finite numbers only: no infinity, no NaN, and what does not fit saturates.")
                .format(name=self.name)
            )  # fmt: skip
        return self.nearest(x.float())

    def nearest(self, x: Tensor, ties: Ties | None = None) -> Tensor:
        """uint8 codes of the table's values nearest to finite `x` taken as float32, same shape; -0 as +0."""
        return self.rounder(ties or self.ties).lookup(x.float())

    def rounder(self, ties: Ties) -> Rounder:
        return _rounder(self, ties)

    def decode(self, codes: Tensor) -> Tensor:
        """Values of the bit patterns `codes`, same shape: float32, or float64 where a value would not fit in it."""
        if self.values is not None:
            return self.values.index_select(0, codes.reshape(-1).int()).view(codes.shape)
        assert self.layout is not None
        if self.dtype is torch.float64:
            return codes.view(torch.float64)
        values = self.layout.decode(codes.long())
        return values.float() if self.highest <= torch.finfo(torch.float32).max else values

    def encode_integers(self, rounded: Tensor) -> Tensor:
        """uint8 bit patterns of integers already rounded; saturates at both ends, same shape."""
        clipped = rounded.clamp(self.lowest, self.highest).to(torch.int16)
        return clipped.bitwise_and((1 << self.code_bits) - 1).to(torch.uint8)

    def round(self, x: Tensor) -> Tensor:
        """Nearest values that this format can hold, float32.

        Overflow goes to infinity where there is one, and saturates elsewhere. What float32 itself does not reach (E8M7
        without infinity has numbers there) is infinity.
        """
        if self.layout is None:
            return self.decode(self.encode(x))
        if self.dtype in CASTS:
            return x.to(self.dtype).to(torch.float32)
        return self.decode(self.encode(x, None if self.layout.infinity_code else Overflow.SATURATE)).float()

    def _finite(self) -> Tensor:
        assert self.values is not None
        return self.values[torch.isfinite(self.values)]


CASTS = (torch.float32, torch.float16, torch.bfloat16)  # torch rounds to these exactly as the definition does


@cache
def _rounder(element: NumberFormat, ties: Ties) -> Rounder:
    if element.values is None:
        raise SchemeError(
            Text("{name} no cabe en códigos de 8 bits; se permite: {allowed}.",
                 "{name} does not fit in 8-bit codes; allowed: {allowed}.")
            .format(name=element.name, allowed=", ".join(ELEMENTS))
        )  # fmt: skip
    finite = torch.where(torch.isfinite(element.values), element.values, torch.nan)

    def even(middles: Tensor) -> Tensor:
        return element.layout.encode(middles) if element.layout else element.encode_integers(torch.round(middles))

    return rounder(finite, ties, even)


def _float_properties(layout: FloatLayout) -> Properties:
    largest, *small = layout.decode(torch.tensor([layout.largest_code, 1 << layout.mantissa_bits, 1])).tolist()
    if layout.mantissa_bits == FORMATS["float64"].layout.mantissa_bits:  # type: ignore[union-attr]
        finfo = torch.finfo(torch.float64)
        largest, small = finfo.max, [finfo.smallest_normal, 5e-324]
    if not layout.subnormals:
        smallest = 2.0**-layout.bias
        return Properties(largest, smallest, layout.largest_code + 1, 1, smallest, None)
    subnormal = small[1] if layout.mantissa_bits else None
    count = 2 * layout.largest_code + 1 if layout.signed else layout.largest_code + 1
    return Properties(largest, small[1], count, layout.mantissa_bits + 1, small[0], subnormal)


def _signed(bits: int) -> NumberFormat:
    codes = torch.arange(2**bits)
    values = torch.where(codes < 2 ** (bits - 1), codes, codes - 2**bits).float()
    return NumberFormat(f"int{bits}", bits, "two's complement", values)


def _unsigned(bits: int) -> NumberFormat:
    return NumberFormat(f"uint{bits}", bits, "binary", torch.arange(2**bits).float())


def _float(name: str, exponent_bits: int, mantissa_bits: int, specials: Specials, source: str,
           dtype: torch.dtype | None = None) -> NumberFormat:  # fmt: skip
    bias = 2 ** (exponent_bits - 1) - (specials is not Specials.FNUZ)
    return _from_layout(name, FloatLayout(exponent_bits, mantissa_bits, specials, bias), source, dtype)


def _from_layout(name: str, layout: FloatLayout, source: str, dtype: torch.dtype | None = None) -> NumberFormat:
    bits = layout.code_bits
    values = layout.decode(torch.arange(2**bits)).float() if bits <= TABLE_BITS else None
    return NumberFormat(name, bits, source, values, layout, dtype)


def _table(name: str, bits: int, values: tuple[float, ...] | Tensor, source: str, ties: Ties) -> NumberFormat:
    return NumberFormat(name, bits, source, torch.as_tensor(values, dtype=torch.float32), ties=ties)


INTEGER_BITS = range(2, 9)
_IEEE, _OCP8 = "IEEE 754-2019", "OCP 8-bit Floating Point Specification 1.0, 2023"
_MX = "OCP Microscaling Formats (MX) Specification 1.0, 2023"
_FNUZ = "Noune et al. 2022, arXiv:2206.02915"
_ROWS = [
    *map(_signed, INTEGER_BITS),
    *map(_unsigned, INTEGER_BITS),
    _float("float64", 11, 52, Specials.IEEE, f"{_IEEE} binary64", torch.float64),
    _float("float32", 8, 23, Specials.IEEE, f"{_IEEE} binary32", torch.float32),
    _float("tf32", 8, 10, Specials.IEEE, "NVIDIA A100 white paper, 2020: 19 bits, kept in 32"),
    _float("float16", 5, 10, Specials.IEEE, f"{_IEEE} binary16", torch.float16),
    _float("bfloat16", 8, 7, Specials.IEEE, "Intel bfloat16 white paper, 2018", torch.bfloat16),
    _float("float8_e4m3fn", 4, 3, Specials.FN, _OCP8, torch.float8_e4m3fn),
    _float("float8_e5m2", 5, 2, Specials.IEEE, _OCP8, torch.float8_e5m2),
    _float("float8_e4m3fnuz", 4, 3, Specials.FNUZ, _FNUZ, torch.float8_e4m3fnuz),
    _float("float8_e5m2fnuz", 5, 2, Specials.FNUZ, _FNUZ, torch.float8_e5m2fnuz),
    _float("float8_e3m4", 3, 4, Specials.IEEE, "ml_dtypes float8_e3m4"),
    _float("float6_e2m3fn", 2, 3, Specials.FINITE, _MX),
    _float("float6_e3m2fn", 3, 2, Specials.FINITE, _MX),
    _float("float4_e2m1fn", 2, 1, Specials.FINITE, _MX),
    _from_layout("float8_e8m0fnu", FloatLayout(8, 0, Specials.FN, 127, signed=False, subnormals=False), _MX),
    _table("nf4", 4, NF4, "Dettmers et al. 2023, arXiv:2305.14314, appendix E", Ties.DOWN),
    _table("fp4_bnb", 4, FP4, "bitsandbytes 0.50, its FP4 table", Ties.DOWN),
    _table("iq4", 4, IQ4, "ggml 0.25, the table of IQ4_NL and IQ4_XS", Ties.DOWN),
    _table("dynamic8", 8, dynamic_table(), "Dettmers et al. 2022, arXiv:2110.02861, section 2.2", Ties.DOWN),
    _table("ternary", 2, (-1.0, 0.0, 1.0, math.nan), "Li et al. 2016, arXiv:1605.04711", Ties.AWAY),
    _table("midrise2", 2, (-1.5, -0.5, 0.5, 1.5), "Liu et al. 2025, arXiv:2502.02631", Ties.AWAY),
    _table("binary", 1, (-1.0, 1.0), "Courbariaux et al. 2015, arXiv:1511.00363", Ties.AWAY),
]


class Formats(dict[str, NumberFormat]):
    """Every number format by name, as ml_dtypes and torch call them; `exmy` makes any other small float.

    Looking up a name that is not there raises KeyError; `number_format` says which there are.

    >>> import torch
    >>> from quant import FORMATS
    >>> fp8 = FORMATS["float8_e4m3fn"]
    >>> fp8.code_bits, fp8.highest, fp8.properties.distinct_values
    (8, 448.0, 253)
    >>> fp8.round(torch.tensor([0.1, 1000.0])).tolist()
    [0.1015625, 448.0]
    """


FORMATS = Formats({f.name: f for f in _ROWS})
ELEMENTS: list[str] = [f.name for f in _ROWS if f.values is not None]

EXPONENT_BITS, MANTISSA_BITS = range(1, 9), range(11)


def exmy(exponent_bits: int, mantissa_bits: int, specials: Specials = Specials.FINITE) -> NumberFormat:
    """A float of one sign bit, 1 to 8 exponent bits and 0 to 10 mantissa bits; IEEE bias.

    With infinity and NaN (IEEE) it needs 2 exponent bits and 1 mantissa bit, or nothing else would be left. Raises
    SchemeError for anything else.
    """
    ieee = specials is Specials.IEEE
    integers = type(exponent_bits) is type(mantissa_bits) is int  # 4.0 and True would be found in a range
    fits = integers and exponent_bits in EXPONENT_BITS[ieee:] and mantissa_bits in MANTISSA_BITS[ieee:]
    if not fits or specials not in (Specials.FINITE, Specials.IEEE):
        raise SchemeError(
            Text("E{e}M{m} no puede ser: hacen falta de 1 a 8 bits de exponente y de 0 a 10 de mantisa, y con infinito "
                 "y NaN al menos 2 y 1.",
                 "E{e}M{m} cannot be: it takes 1 to 8 exponent bits and 0 to 10 mantissa bits, and with infinity and "
                 "NaN at least 2 and 1.").format(e=str(exponent_bits), m=str(mantissa_bits))
        )  # fmt: skip
    name = f"e{exponent_bits}m{mantissa_bits}{'' if ieee else 'fn'}"
    return _float(name, exponent_bits, mantissa_bits, specials, "ExMy, IEEE 754 bias")


@cache
def learned_format(bits: int) -> NumberFormat:
    """Codes of `bits` bits that are places in a table of 2**bits values, which the matrix brings itself.

    Raises SchemeError unless 2 <= bits <= 8.
    """
    places = integer_format(bits, signed=False).values
    return NumberFormat(f"learned{bits}", bits, "places in a table of its own", places, learned=True)


def number_format(name: str) -> NumberFormat:
    """The registered format called `name`. Raises SchemeError for an unknown name."""
    if name not in FORMATS:
        raise SchemeError(
            Text("No existe el formato «{name}»; los que hay: {allowed}.",
                 "There is no format “{name}”; the ones that exist: {allowed}.")
            .format(name=name, allowed=", ".join(FORMATS))
        )  # fmt: skip
    return FORMATS[name]


def integer_format(bits: int, *, signed: bool) -> NumberFormat:
    """The integer format intN or uintN of N = `bits` bits. Raises SchemeError unless 2 <= bits <= 8."""
    if type(bits) is not int or bits not in INTEGER_BITS:
        raise SchemeError(
            Text("Has pedido {bits} bits; tiene que ser un entero de 2 a 8.",
                 "{bits} bits were asked for; it must be a whole number from 2 to 8.").format(bits=asked(bits))
        )  # fmt: skip
    return FORMATS[f"{'' if signed else 'u'}int{bits}"]
