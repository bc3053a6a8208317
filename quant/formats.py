"""Number formats: what values a code can stand for. No scales, no model.

A format of at most 8 bits is its table: `values[c]` is the number that bit pattern `c` stands for (two's complement
for signed integers, so the table is not sorted). A wider one is a float that torch knows. `FORMATS` holds them all by
the names of ml_dtypes and torch; a new format is one row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from quant.errors import SchemeError
from quant.text import Text


@dataclass(frozen=True)
class NumberFormat:
    """A set of numbers that `code_bits` bits can name.

    values: float32 [2**code_bits] by bit pattern, or None above 8 bits, where `dtype` does the rounding.
    """

    name: str
    code_bits: int
    source: str
    values: Tensor | None = field(default=None, compare=False, repr=False)
    dtype: torch.dtype | None = None

    @property
    def lowest(self) -> float:
        return float(torch.finfo(self.dtype).min if self.dtype else self._table().min())

    @property
    def highest(self) -> float:
        return float(torch.finfo(self.dtype).max if self.dtype else self._table().max())

    def _table(self) -> Tensor:
        if self.values is None:
            raise SchemeError(
                Text("{name} no cabe en códigos de 8 bits; se permite: {allowed}.",
                     "{name} does not fit in 8-bit codes; allowed: {allowed}.")
                .format(name=self.name, allowed=", ".join(ELEMENTS))
            )  # fmt: skip
        return self.values

    def decode(self, codes: Tensor) -> Tensor:
        """float32 values of uint8 `codes`, same shape."""
        return self._table()[codes.long()]

    def encode_integers(self, rounded: Tensor) -> Tensor:
        """uint8 bit patterns of whole numbers already rounded; saturates at both ends, same shape."""
        clipped = rounded.clamp(self.lowest, self.highest).to(torch.int16)
        return clipped.bitwise_and((1 << self.code_bits) - 1).to(torch.uint8)

    def round(self, x: Tensor) -> Tensor:
        """Nearest float32 values that this (float) format can hold; overflow goes to infinity."""
        if self.dtype is None:
            raise SchemeError(
                Text("{name} no puede guardar escalas; usa float32, float16 o bfloat16.",
                     "{name} cannot store scales; use float32, float16 or bfloat16.").format(name=self.name)
            )  # fmt: skip
        return x.to(self.dtype).to(torch.float32)


def _signed(bits: int) -> NumberFormat:
    codes = torch.arange(2**bits)
    values = torch.where(codes < 2 ** (bits - 1), codes, codes - 2**bits).float()
    return NumberFormat(f"int{bits}", bits, "two's complement", values)


def _unsigned(bits: int) -> NumberFormat:
    return NumberFormat(f"uint{bits}", bits, "binary", torch.arange(2**bits).float())


INTEGER_BITS = range(2, 9)
_ROWS = [
    *map(_signed, INTEGER_BITS),
    *map(_unsigned, INTEGER_BITS),
    NumberFormat("float32", 32, "IEEE 754-2019 binary32", dtype=torch.float32),
    NumberFormat("float16", 16, "IEEE 754-2019 binary16", dtype=torch.float16),
    NumberFormat("bfloat16", 16, "Intel bfloat16 white paper, 2018", dtype=torch.bfloat16),
]
FORMATS: dict[str, NumberFormat] = {f.name: f for f in _ROWS}
ELEMENTS: list[str] = [f.name for f in _ROWS if f.values is not None]


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
    """intN or uintN. Raises SchemeError unless 2 <= bits <= 8."""
    if not isinstance(bits, int) or bits not in INTEGER_BITS:
        raise SchemeError(
            Text("Has pedido {bits} bits; tiene que ser un entero de 2 a 8.",
                 "{bits} bits were asked for; it must be a whole number from 2 to 8.").format(bits=str(bits))
        )  # fmt: skip
    return FORMATS[f"{'' if signed else 'u'}int{bits}"]
