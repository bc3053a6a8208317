"""Quantized matrices of any codes, scales and offsets: what no rounding needs to have made."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from quant.blocks import BLOCKS
from quant.floats import Specials
from quant.formats import FORMATS, NumberFormat, exmy
from quant.packing.dense import offset_shape
from quant.qtensor import QTensor
from quant.scheme import Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme, Shape, Zero

HALF, BFLOAT, SINGLE = FORMATS["float16"], FORMATS["bfloat16"], FORMATS["float32"]
ALIGNED: list[Granularity] = [
    PerTensor(), PerChannel(), PerGroup(8), PerGroup(16), PerGroup(64), PerGroup(256), Flat(64),
]  # fmt: skip
UNALIGNED: list[Granularity] = [PerTensor(), PerChannel(), Flat(8), Flat(64), Flat(10**6)]  # of rows of any length
CASTS = [
    Scheme(element, PerTensor(), Grid.UNIT, None)
    for element in (
        *(f for f in FORMATS.values() if f.layout and f.layout.signed and f.code_bits in (4, 6, 8, 16)),
        exmy(2, 1), exmy(1, 4), exmy(3, 2), exmy(4, 3), exmy(5, 10), exmy(8, 7), exmy(4, 3, Specials.IEEE),
        exmy(6, 9, Specials.IEEE),
    )
]  # fmt: skip


def integers(granularities: list[Granularity]) -> list[Scheme]:
    """Every width, with and without zero points; scales in turn of three formats."""
    scales = itertools.cycle((HALF, BFLOAT, SINGLE))
    made = [Scheme(FORMATS["binary"], granularity, scale=next(scales)) for granularity in granularities]
    for bits, granularity, zero in itertools.product(range(2, 9), granularities, (False, True)):
        made.append(Scheme.integer(bits, granularity, zero_point=zero, scale=next(scales)))
    return made


NESTED = Scheme(FORMATS["dynamic8"], Flat(7), Grid.CENTRED, HALF, Offset(BFLOAT))
UNUSUAL = [
    *(Scheme.integer(bits, PerGroup(16), grid=Grid.HALF) for bits in (2, 5, 8)),
    Scheme.integer(3, PerGroup(16), grid=Grid.SIGNED_MAX, scale=BFLOAT),
    Scheme(FORMATS["nf4"], PerGroup(16), Grid.CENTRED, HALF, Offset(BFLOAT)),  # one offset for the whole matrix
    Scheme(FORMATS["uint3"], PerGroup(16), Grid.RANGE, HALF, Offset(BFLOAT)),
    Scheme(FORMATS["uint5"], PerChannel(), Grid.RANGE, FORMATS["float8_e5m2"], Offset(SINGLE)),
    Scheme(FORMATS["ternary"], PerGroup(8), scale=FORMATS["float8_e4m3fn"]),
    Scheme(FORMATS["int4"], PerGroup(32), scale=exmy(5, 10)),
    Scheme(FORMATS["int4"], PerGroup(16), scale=NESTED),
    Scheme(FORMATS["int3"], PerGroup(16), scale=Scheme(FORMATS["int8"], PerChannel(), scale=HALF)),
    Scheme(FORMATS["uint4"], PerGroup(8), Grid.RANGE, NESTED, Offset(NESTED)),
]


def finite_codes(element: NumberFormat, shape: Shape, generator: torch.Generator) -> Tensor:
    """Codes of numbers, each as likely as any other."""
    every = torch.arange(1 << element.code_bits)
    numbers = every[element.decode(every).isfinite()]
    chosen = numbers[torch.randint(len(numbers), shape, generator=generator)]
    return chosen if element.values is None else chosen.to(torch.uint8)


def any_numbers(how: NumberFormat | Scheme, shape: Shape, generator: torch.Generator) -> Tensor | QTensor:
    """Scales or offsets that `how` can hold."""
    if isinstance(how, Scheme):
        return any_matrix(how, shape, generator)
    numbers = 0.1 * torch.randn(shape, generator=generator)
    return how.round(numbers if how.lowest < 0 else numbers.abs() + 0.01)  # powers of two have no sign


def any_matrix(scheme: Scheme, shape: Shape, seed: int | torch.Generator = 0) -> QTensor:
    """Random codes, scales, zero points and offsets of `scheme`."""
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    rows, groups, _ = scheme.groups(shape)
    codes = finite_codes(scheme.element, shape, generator)
    scale = None if scheme.scale is None else any_numbers(scheme.scale, (rows, groups), generator)
    zero = finite_codes(scheme.element, (rows, groups), generator) if isinstance(scheme.shift, Zero) else None
    if not isinstance(scheme.shift, Offset):
        return QTensor(codes, scale, zero, scheme)
    offset = any_numbers(scheme.shift.store, offset_shape(scheme, shape), generator)
    return QTensor(codes, scale, zero, scheme, offset)


def label(scheme: Scheme) -> str:
    """For a test's name."""
    if scheme.name:
        return scheme.name
    scale = scheme.scale.name if isinstance(scheme.scale, NumberFormat) else "nested" if scheme.scale else "none"
    return f"{scheme.element.name}-{scheme.granularity}-{scale}-{type(scheme.shift).__name__}"


BLOCK_SCHEMES = [b.scheme for b in BLOCKS.values()]
