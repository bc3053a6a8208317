"""The registry: the tables of integers and codebooks pattern by pattern, names, bounds, and what is refused.

Floats have tests of their own (test_floats.py), and so has rounding to a table (test_nearest.py).
"""

from __future__ import annotations

import math
from statistics import NormalDist

import ml_dtypes
import numpy as np
import pytest
import torch
from cases import each

from quant.codebooks import FP4, IQ4, NF4, dynamic_table
from quant.errors import SchemeError
from quant.formats import ELEMENTS, FORMATS, INTEGER_BITS, TABLE_BITS, NumberFormat, integer_format, number_format

INTEGERS = [f for f in FORMATS.values() if f.is_integer]
SMALL = [FORMATS[name] for name in ELEMENTS]


def test_the_registry_holds_each_format_under_its_name() -> None:
    assert all(name == f.name for name, f in FORMATS.items())
    assert set(FORMATS) == {
        *(f"int{b}" for b in range(2, 9)), *(f"uint{b}" for b in range(2, 9)),
        "float64", "float32", "tf32", "float16", "bfloat16",
        "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e3m4",
        "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn", "float8_e8m0fnu",
        "nf4", "fp4_bnb", "iq4", "dynamic8", "ternary", "midrise2", "binary",
    }  # fmt: skip


def test_elements_are_the_formats_of_at_most_eight_bits() -> None:
    assert [name for name, f in FORMATS.items() if f.code_bits <= TABLE_BITS] == ELEMENTS
    assert set(FORMATS) - set(ELEMENTS) == {"float64", "float32", "tf32", "float16", "bfloat16"}


def test_every_format_states_its_source() -> None:
    assert all(f.source for f in FORMATS.values())


@each("element", SMALL)
def test_a_table_has_a_float32_for_each_bit_pattern(element: NumberFormat) -> None:
    assert element.values is not None
    assert element.values.dtype == torch.float32
    assert element.values.shape == (2**element.code_bits,)
    assert element.lowest == float(element.values[element.values.isfinite()].min())
    assert element.highest == float(element.values[element.values.isfinite()].max())


@each("bits", INTEGER_BITS)
def test_signed_codes_are_twos_complement(bits: int) -> None:
    codes = np.arange(2**bits, dtype=np.uint8)
    # Shifted to the top of a byte, the sign bit is the byte's own.
    expected = (codes << (8 - bits)).view(np.int8) >> (8 - bits)
    decoded = integer_format(bits, signed=True).decode(torch.from_numpy(codes))
    assert decoded.tolist() == expected.tolist()


@each("bits", INTEGER_BITS)
def test_unsigned_codes_are_binary(bits: int) -> None:
    codes = torch.arange(2**bits, dtype=torch.uint8)
    assert torch.equal(integer_format(bits, signed=False).decode(codes), codes.float())


@each("name", ["int2", "int4", "uint2", "uint4"])
def test_short_integers_are_those_of_ml_dtypes(name: str) -> None:
    element, reference = FORMATS[name], getattr(ml_dtypes, name)
    codes = np.arange(2**element.code_bits, dtype=np.uint8)
    assert element.decode(torch.from_numpy(codes)).tolist() == codes.view(reference).astype(np.float32).tolist()
    info = ml_dtypes.iinfo(reference)
    assert (element.lowest, element.highest) == (int(info.min), int(info.max))


@each("element", INTEGERS)
def test_every_integer_survives_encoding(element: NumberFormat) -> None:
    integers = torch.arange(element.lowest, element.highest + 1)
    assert len(integers) == 2**element.code_bits == element.properties.distinct_values
    for codes in (element.encode_integers(integers), element.encode(integers)):
        assert codes.dtype == torch.uint8
        assert torch.equal(element.decode(codes), integers)


@each("element", INTEGERS)
def test_integers_out_of_range_saturate(element: NumberFormat) -> None:
    x = torch.tensor([-torch.inf, -1e30, -300.0, 300.0, 1e30, torch.inf])
    for codes in (element.encode_integers(x), element.encode(x)):
        assert element.decode(codes).tolist() == [element.lowest] * 3 + [element.highest] * 3


@each("element", INTEGERS)
def test_integers_round_half_to_even(element: NumberFormat) -> None:
    x = torch.arange(-300.0, 300.0, 0.25)
    expected = torch.round(x).clamp(element.lowest, element.highest)
    assert torch.equal(element.round(x), expected)


@each("element", SMALL)
def test_codes_use_only_the_bits_of_the_format(element: NumberFormat) -> None:
    codes = element.encode(torch.arange(-300.0, 300.0))
    assert codes.dtype == torch.uint8
    assert int(codes.max()) < 2**element.code_bits


@each("element", FORMATS.values())
def test_encoding_and_decoding_keep_the_shape(element: NumberFormat) -> None:
    one = 1.5 if element.name == "midrise2" else 1.0
    for shape in ((), (0,), (2, 3), (4, 1, 5)):
        codes = element.encode(torch.full(shape, one))
        assert codes.shape == shape
        assert codes.dtype == (torch.uint8 if element.code_bits <= TABLE_BITS else torch.int64)
        assert torch.equal(element.decode(codes).float(), torch.full(shape, one))


@each("element", FORMATS.values())
def test_rounding_is_idempotent_and_gives_values_of_the_format(element: NumberFormat) -> None:
    x = torch.randn(2000, generator=torch.Generator().manual_seed(0)) * 3
    x = x.abs() if element.name == "float8_e8m0fnu" else x
    once = element.round(x)
    assert torch.equal(element.round(once), once)
    if element.name != "float64":
        assert torch.equal(element.decode(element.encode(once)).float(), once.float())


def test_only_integers_are_integers() -> None:
    assert [f.name for f in INTEGERS] == [f"int{b}" for b in range(2, 9)] + [f"uint{b}" for b in range(2, 9)]


@each("name", ["int4", "nf4", "ternary"])
def test_what_is_no_float_has_no_precision(name: str) -> None:
    properties = FORMATS[name].properties
    assert properties.significant_bits is properties.digits is properties.epsilon is None
    assert properties.smallest_normal is properties.smallest_subnormal is None


def test_float16_rounds_as_numpy_does() -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 1e-4
    assert torch.equal(FORMATS["float16"].round(x), torch.from_numpy(x.numpy().astype(np.float16).astype(np.float32)))


def test_bfloat16_keeps_eight_significant_bits() -> None:
    kept = FORMATS["bfloat16"].round(torch.tensor([1 + 2**-7, 1 + 2**-8, 1 + 3 * 2**-8]))
    assert kept.tolist() == [1 + 2**-7, 1.0, 1 + 2**-6]  # ties go to the even one


def test_scales_that_are_too_large_become_infinite_where_there_is_an_infinity_and_saturate_elsewhere() -> None:
    assert FORMATS["float16"].highest == 65504
    assert FORMATS["float16"].round(torch.tensor([65504.0, 65520.0])).tolist() == [65504, math.inf]
    assert FORMATS["float32"].round(torch.tensor([1e30])).tolist() == torch.tensor([1e30]).tolist()
    for name, highest in (("float8_e4m3fn", 448), ("float6_e3m2fn", 28), ("float8_e8m0fnu", 2.0**127)):
        assert FORMATS[name].round(torch.tensor([3e38, 1.0])).tolist() == [highest, 1.0]
    assert FORMATS["float8_e5m2"].round(torch.tensor([1e9])).tolist() == [math.inf]


def test_nf4_is_made_of_quantiles_of_the_normal() -> None:
    # QLoRA's appendix E: seven quantiles below zero and eight above, from 1 - (1/32 + 1/30) / 2, over the largest.
    offset = 1 - (1 / 32 + 1 / 30) / 2
    quantile = NormalDist().inv_cdf
    above = [quantile(p) for p in np.linspace(offset, 0.5, 9)[:-1].tolist()]
    below = [-quantile(p) for p in np.linspace(offset, 0.5, 8)[:-1].tolist()]
    expected = np.sort([*above, *below, 0.0]) / max(above)
    np.testing.assert_allclose(NF4, expected, atol=1e-6)
    assert (NF4[0], NF4[7], NF4[15]) == (-1.0, 0.0, 1.0)


def test_fp4_of_bitsandbytes_is_a_sign_and_eight_magnitudes() -> None:
    assert [v * 12 for v in FP4[:8]] == pytest.approx([0, 0.0625, 8, 12, 4, 6, 2, 3])
    assert [-v for v in FP4[:8]] == list(FP4[8:])
    assert not any(math.copysign(1, v) < 0 for v in FP4 if v == 0)
    assert FORMATS["fp4_bnb"].encode(torch.zeros(1)).item() in (0, 8)


def test_iq4_rises_from_minus_127_to_113_and_has_no_zero() -> None:
    assert list(IQ4) == sorted(set(IQ4))
    assert (len(IQ4), min(IQ4), max(IQ4)) == (16, -127, 113)
    assert 0 not in IQ4


def test_the_dynamic_table_has_twice_as_many_values_for_each_power_of_ten() -> None:
    table = dynamic_table()
    assert table.shape == (256,)
    assert bool((table[1:] > table[:-1]).all())
    assert float(table[-1]) == 1.0
    assert 0.0 in table.tolist()
    for i in range(7):
        low, high = 10.0 ** (i - 7), 10.0 ** (i - 6)
        inside = table[(table > low) & (table < high)]
        assert len(inside) == 2**i
        steps = low + (np.arange(2**i) + 0.5) * (high - low) / 2**i
        np.testing.assert_allclose(inside.numpy(), steps, rtol=1e-6)
        assert len(table[(table < -low) & (table > -high)]) == 2**i


def test_ternary_leaves_one_pattern_unused_and_binary_and_midrise_none() -> None:
    assert FORMATS["ternary"].decode(torch.arange(4)).tolist() == pytest.approx([-1, 0, 1, math.nan], nan_ok=True)
    assert FORMATS["binary"].decode(torch.arange(2)).tolist() == [-1, 1]
    assert FORMATS["ternary"].round(torch.tensor([-9.0, -0.4, 0.4, 0.6])).tolist() == [-1, 0, 0, 1]
    assert FORMATS["binary"].round(torch.tensor([-9.0, -0.1, 0.1])).tolist() == [-1, -1, 1]
    assert FORMATS["midrise2"].decode(torch.arange(4)).tolist() == [-1.5, -0.5, 0.5, 1.5]
    assert FORMATS["midrise2"].round(torch.tensor([-9.0, -0.9, 0.1, 1.1])).tolist() == [-1.5, -0.5, 0.5, 1.5]


@each("bits", [-1, 0, 1, 9, 16, 4.0, "4", None, True])
def test_bits_out_of_range_are_refused_with_the_allowed_range(bits: object) -> None:
    with pytest.raises(SchemeError) as caught:
        integer_format(bits, signed=True)  # type: ignore[arg-type]
    asked = str(bits).replace(".", ",") if isinstance(bits, float) else bits
    assert f"Has pedido {asked} bits; tiene que ser un entero de 2 a 8." == caught.value.text.es
    assert f"{bits} bits were asked for; it must be a whole number from 2 to 8." == caught.value.text.en


def test_an_unknown_name_is_refused_with_those_that_exist() -> None:
    with pytest.raises(SchemeError) as caught:
        number_format("int3.5")
    for half in (caught.value.text.es, caught.value.text.en):
        assert "int3.5" in half
        assert all(name in half for name in FORMATS)
    assert number_format("int3") is FORMATS["int3"]


def test_codes_outside_the_format_are_an_error_not_a_number() -> None:
    with pytest.raises((IndexError, RuntimeError)):
        FORMATS["int4"].decode(torch.tensor([16], dtype=torch.uint8))
