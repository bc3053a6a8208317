"""The fields that ggml's blocks are made of, each with both ways: numbers to bytes and back.

Most hold some bits of a run of codes, several codes to a byte. ggml does not put neighbours together: byte j of a run
holds codes j, j + stride, j + 2 stride ..., so that vector instructions unpack whole registers. `Bits` says which bits,
at which stride.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from quant.packing.bits import fold, unfold

TRITS, BYTE_VALUES, POWERS = 5, 256, 3**5


@dataclass
class Parts:
    """What the blocks of a matrix hold, in ggml's own unsigned numbering.

    numbers: "codes" uint8 [blocks, weights], and "scale", "offset" uint8 [blocks, groups] where these are integers;
    floats: "scale", "offset" as raw bytes uint8 [blocks, n].
    """

    numbers: dict[str, Tensor] = field(default_factory=dict)
    floats: dict[str, Tensor] = field(default_factory=dict)

    def add(self, name: str, bits: Tensor) -> None:
        """Join bits of a number that another field holds the rest of."""
        self.numbers[name] = self.numbers[name] | bits if name in self.numbers else bits


class Field(Protocol):
    """A run of bytes in a block."""

    @property
    def nbytes(self) -> int: ...
    def pack(self, parts: Parts) -> Tensor: ...
    def unpack(self, data: Tensor, parts: Parts) -> None: ...


@dataclass(frozen=True)
class Float:
    """A scale or an offset as it is: float16, or the 8-bit floats of NVFP4 and MXFP4."""

    part: str
    nbytes: int = 2

    def pack(self, parts: Parts) -> Tensor:
        return parts.floats[self.part]

    def unpack(self, data: Tensor, parts: Parts) -> None:
        parts.floats[self.part] = data


@dataclass(frozen=True)
class Bits:
    """`width` bits from bit `low` of `count` numbers, 8 // width to a byte, `stride` apart."""

    part: str
    count: int
    low: int
    width: int
    stride: int

    @property
    def nbytes(self) -> int:
        return self.count * self.width // 8

    def pack(self, parts: Parts) -> Tensor:
        chosen = (parts.numbers[self.part] >> self.low) & ((1 << self.width) - 1)
        runs = chosen.view(len(chosen), -1, 8 // self.width, self.stride)
        return fold(runs.movedim(2, 0), self.width).reshape(len(chosen), -1)

    def unpack(self, data: Tensor, parts: Parts) -> None:
        runs = unfold(data.reshape(len(data), -1, self.stride), self.width, 8 // self.width)
        parts.add(self.part, runs.movedim(0, 2).reshape(len(data), -1) << self.low)


@dataclass(frozen=True)
class Both:
    """Four bits of each scale, four of each offset (Q2_K)."""

    nbytes: int = 16

    def pack(self, parts: Parts) -> Tensor:
        return parts.numbers["scale"] | (parts.numbers["offset"] << 4)

    def unpack(self, data: Tensor, parts: Parts) -> None:
        parts.numbers |= {"scale": data & 15, "offset": data >> 4}


@dataclass(frozen=True)
class Sixes:
    """Eight scales and eight offsets of six bits in twelve bytes (Q4_K, Q5_K): the last four lend their top bits."""

    nbytes: int = 12

    def pack(self, parts: Parts) -> Tensor:
        scale, offset = parts.numbers["scale"], parts.numbers["offset"]
        first = [n[:, :4] | ((n[:, 4:] >> 4) << 6) for n in (scale, offset)]
        return torch.cat([*first, (scale[:, 4:] & 15) | (offset[:, 4:] << 4)], dim=1)

    def unpack(self, data: Tensor, parts: Parts) -> None:
        last = data[:, 8:]
        for name, start, low in (("scale", 0, last & 15), ("offset", 4, last >> 4)):
            first = data[:, start : start + 4]
            parts.numbers[name] = torch.cat([first & 63, low | ((first >> 6) << 4)], dim=1)


@dataclass(frozen=True)
class Trits:
    """Ternary digits in base 3, `digits` to a byte, `stride` apart (TQ1_0).

    The byte is the fraction n / 243 in 256ths, rounded up: multiplying by 3 brings the digits out one by one.
    """

    start: int
    count: int
    stride: int
    digits: int = TRITS
    part: str = "codes"

    @property
    def nbytes(self) -> int:
        return self.count // self.digits

    def pack(self, parts: Parts) -> Tensor:
        chosen = parts.numbers["codes"][:, self.start : self.start + self.count].int()
        runs = chosen.view(len(chosen), -1, self.digits, self.stride)
        number = sum(
            (runs[:, :, i] * 3 ** (TRITS - 1 - i) for i in range(self.digits)), torch.zeros_like(runs[:, :, 0])
        )
        return ((number * BYTE_VALUES + POWERS - 1) // POWERS).to(torch.uint8).view(len(chosen), -1)

    def unpack(self, data: Tensor, parts: Parts) -> None:
        byte = data.view(len(data), -1, self.stride).int()
        digits = [(((byte * 3**i) & (BYTE_VALUES - 1)) * 3) >> 8 for i in range(self.digits)]
        codes = torch.stack(digits, dim=2).to(torch.uint8).view(len(data), -1)
        known = parts.numbers.get("codes")
        parts.numbers["codes"] = codes if known is None else torch.cat([known, codes], dim=1)
