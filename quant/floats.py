"""Floating point from its definition: sign, exponent, mantissa, and what the top of the range is used for.

    normal      (-1)**s * 2**(e - bias) * (1 + m / 2**M)
    subnormal   (-1)**s * 2**(1 - bias) * (m / 2**M)            where the exponent field e is 0

This is the readable definition, checked bit for bit against ml_dtypes; everything fast is checked against it. Numbers
go through float64, which holds every value and every midpoint of the formats here, so that nothing is rounded twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from quant.errors import SchemeError
from quant.text import Text

FLOAT64_MANTISSA, FLOAT64_BIAS = 52, 1023


class Specials(Enum):
    """What the highest bit patterns stand for.

    IEEE: the top exponent is infinity and NaN. FN: no infinity, only the pattern of all ones is NaN. FNUZ: no infinity,
    no minus zero, whose pattern is the one NaN, and a bias larger by one. FINITE: numbers only.
    """

    IEEE = "ieee"
    FN = "fn"
    FNUZ = "fnuz"
    FINITE = "finite"


class Overflow(Enum):
    """What becomes of a number that rounds beyond the largest, infinity included."""

    SATURATE = "saturate"
    INFINITY = "infinity"
    NAN = "nan"


@dataclass(frozen=True)
class FloatLayout:
    """The bits of a float format, highest first: sign (if any), exponent, mantissa."""

    exponent_bits: int
    mantissa_bits: int
    specials: Specials
    bias: int
    signed: bool = True
    subnormals: bool = True  # False for e8m0 alone: exponent field 0 is one more power of two, and there is no zero

    @property
    def code_bits(self) -> int:
        return self.signed + self.exponent_bits + self.mantissa_bits

    @property
    def sign_bit(self) -> int:
        return 1 << (self.exponent_bits + self.mantissa_bits)

    @property
    def lowest_exponent(self) -> int:
        """Power of two of the smallest normal number."""
        return (1 if self.subnormals else 0) - self.bias

    @property
    def largest_code(self) -> int:
        """Bit pattern of the largest finite number."""
        every = self.sign_bit - 1
        if self.specials is Specials.IEEE:
            return every - (1 << self.mantissa_bits)
        return every - (self.specials is Specials.FN)

    @property
    def infinity_code(self) -> int | None:
        return self.largest_code + 1 if self.specials is Specials.IEEE else None

    @property
    def nan_code(self) -> int | None:
        """A quiet NaN's bit pattern: the top mantissa bit set."""
        if self.specials is Specials.FNUZ:
            return self.sign_bit
        if self.specials is Specials.IEEE and self.mantissa_bits:
            return self.largest_code + 1 + (1 << (self.mantissa_bits - 1))
        return self.sign_bit - 1 if self.specials is Specials.FN else None

    @property
    def default_overflow(self) -> Overflow:
        """What ml_dtypes does: infinity where there is one, else NaN, else the largest."""
        by_specials = {Specials.IEEE: Overflow.INFINITY, Specials.FINITE: Overflow.SATURATE}
        return by_specials.get(self.specials, Overflow.NAN)

    def decode(self, codes: Tensor) -> Tensor:
        """float64 values of int64 bit patterns, same shape."""
        magnitude = codes & (self.sign_bit - 1)
        exponent = magnitude >> self.mantissa_bits
        mantissa = magnitude & ((1 << self.mantissa_bits) - 1)
        normal = (exponent > 0) | (not self.subnormals)
        significand = mantissa + torch.where(normal, 1 << self.mantissa_bits, 0)
        power = torch.where(normal, exponent - self.bias, self.lowest_exponent) - self.mantissa_bits
        values = significand.double() * _power_of_two(power)
        values = torch.where(codes & self.sign_bit != 0, -values, values) if self.signed else values
        if self.specials is Specials.FNUZ:
            return torch.where(codes == self.sign_bit, torch.nan, values)
        values = torch.where(magnitude > self.largest_code, torch.nan, values)
        if self.infinity_code is None:
            return values
        infinite = torch.where(codes & self.sign_bit != 0, -torch.inf, torch.inf).double()
        return torch.where(magnitude == self.infinity_code, infinite, values)

    def encode(self, x: Tensor, overflow: Overflow | None = None) -> Tensor:
        """int64 bit patterns of the nearest values, ties to the even significand, same shape.

        Where a significand has a single bit both neighbours of a tie are odd, and the larger magnitude wins, as
        IEEE 754-2019 (4.3.1) says. Raises SchemeError for a policy that the format has no pattern for, and for NaN
        where there is none.
        """
        x = x.double()
        policy = self._policy(overflow, bool(torch.isnan(x).any()))
        magnitude = x.abs()
        exponent = (magnitude.view(torch.int64) >> FLOAT64_MANTISSA) - FLOAT64_BIAS
        exponent = exponent.clamp(min=self.lowest_exponent)
        # In units of the spacing there, a number is its significand; what rounds up to a power of two carries over.
        significand = torch.round(magnitude * _power_of_two(self.mantissa_bits - exponent))
        steps = torch.where(torch.isfinite(x), significand, 0).long()
        codes = ((exponent - self.lowest_exponent) << self.mantissa_bits) + steps
        if not self.subnormals:  # there is no field for 0, so counting starts at the first power of two
            codes = (codes - (1 << self.mantissa_bits)).clamp(min=0)
        codes = torch.where((codes > self.largest_code) | torch.isinf(x), policy, codes)
        return self._with_sign(codes, x, policy)

    def _with_sign(self, codes: Tensor, x: Tensor, policy: int) -> Tensor:
        """Add the sign bits, and put NaN where it belongs."""
        if self.signed:
            negative = torch.signbit(x)
            if self.specials is Specials.FNUZ:  # minus zero's pattern means NaN
                negative &= (codes > 0) & (codes != self.sign_bit)
            codes = torch.where(negative, codes | self.sign_bit, codes)
            invalid = torch.isnan(x)
        else:
            invalid = torch.isnan(x) | (x < 0)
            if not self.subnormals and policy == self.nan_code:  # ml_dtypes: 0 is out of range too
                invalid |= x == 0
        return codes if self.nan_code is None else torch.where(invalid, self.nan_code, codes)

    def _policy(self, overflow: Overflow | None, nan: bool) -> int:
        """The bit pattern that overflow gives."""
        if nan and self.nan_code is None:
            raise SchemeError(
                Text("Hay un NaN entre los números y este formato no tiene ningún código para él.",
                     "There is a NaN among the numbers and this format has no code for it.")
            )  # fmt: skip
        patterns = {
            Overflow.SATURATE: self.largest_code, Overflow.INFINITY: self.infinity_code, Overflow.NAN: self.nan_code,
        }  # fmt: skip
        code = patterns[overflow or self.default_overflow]
        if code is None:
            raise SchemeError(
                Text("Desbordamiento «{got}»: este formato admite {allowed}.",
                     "Overflow “{got}”: this format allows {allowed}.")
                .format(got=overflow.value if overflow else "",
                        allowed=", ".join(o.value for o, c in patterns.items() if c is not None))
            )  # fmt: skip
        return code


def _power_of_two(exponent: Tensor) -> Tensor:
    """float64 2**exponent for int64 exponents from -1022 to 1023, made of its bits: exact on every machine."""
    return ((exponent + FLOAT64_BIAS) << FLOAT64_MANTISSA).view(torch.float64)
