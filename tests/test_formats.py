"""The tables of the integer formats, bit pattern by bit pattern, and the formats of the scales."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from quant.errors import SchemeError
from quant.formats import ELEMENTS, FORMATS, INTEGER_BITS, integer_format, number_format


def test_the_registry_holds_each_format_under_its_name() -> None:
    assert all(name == f.name for name, f in FORMATS.items())
    assert [f"int{b}" for b in range(2, 9)] + [f"uint{b}" for b in range(2, 9)] == ELEMENTS
    assert set(FORMATS) - set(ELEMENTS) == {"float32", "float16", "bfloat16"}


@pytest.mark.parametrize("bits", INTEGER_BITS)
def test_signed_codes_are_twos_complement(bits: int) -> None:
    codes = np.arange(2**bits, dtype=np.uint8)
    # Shifted to the top of a byte, the sign bit is the byte's own.
    expected = (codes << (8 - bits)).view(np.int8) >> (8 - bits)
    decoded = integer_format(bits, signed=True).decode(torch.from_numpy(codes))
    assert decoded.tolist() == expected.tolist()


@pytest.mark.parametrize("bits", INTEGER_BITS)
def test_unsigned_codes_are_binary(bits: int) -> None:
    codes = torch.arange(2**bits, dtype=torch.uint8)
    assert torch.equal(integer_format(bits, signed=False).decode(codes), codes.float())


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_integer_survives_encoding(name: str) -> None:
    element = FORMATS[name]
    integers = torch.arange(element.lowest, element.highest + 1)
    assert len(integers) == 2**element.code_bits
    assert torch.equal(element.decode(element.encode_integers(integers)), integers)


@pytest.mark.parametrize("name", ELEMENTS)
def test_integers_out_of_range_saturate(name: str) -> None:
    element = FORMATS[name]
    ends = element.decode(element.encode_integers(torch.tensor([-1e30, -300.0, 300.0, 1e30])))
    assert ends.tolist() == [element.lowest, element.lowest, element.highest, element.highest]


@pytest.mark.parametrize("name", ELEMENTS)
def test_codes_use_only_the_bits_of_the_format(name: str) -> None:
    element = FORMATS[name]
    codes = element.encode_integers(torch.arange(-200.0, 300.0))
    assert codes.dtype == torch.uint8
    assert int(codes.max()) < 2**element.code_bits


def test_float16_rounds_as_numpy_does() -> None:
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * 1e-4
    assert torch.equal(FORMATS["float16"].round(x), torch.from_numpy(x.numpy().astype(np.float16).astype(np.float32)))


def test_bfloat16_keeps_eight_significant_bits() -> None:
    kept = FORMATS["bfloat16"].round(torch.tensor([1 + 2**-7, 1 + 2**-8, 1 + 3 * 2**-8]))
    assert kept.tolist() == [1 + 2**-7, 1.0, 1 + 2**-6]  # ties go to the even one


def test_scales_that_are_too_large_become_infinite() -> None:
    assert FORMATS["float16"].highest == 65504
    assert FORMATS["float16"].round(torch.tensor([65504.0, 65520.0])).tolist() == [65504, float("inf")]
    assert FORMATS["float32"].round(torch.tensor([1e30])).tolist() == torch.tensor([1e30]).tolist()


@pytest.mark.parametrize("bits", [-1, 0, 1, 9, 16, 4.0, "4", None, True])
def test_bits_out_of_range_are_refused_with_the_allowed_range(bits: object) -> None:
    with pytest.raises(SchemeError) as caught:
        integer_format(bits, signed=True)  # type: ignore[arg-type]
    assert f"Has pedido {bits} bits; tiene que ser un entero de 2 a 8." == caught.value.text.es
    assert f"{bits} bits were asked for; it must be a whole number from 2 to 8." == caught.value.text.en


def test_an_unknown_name_is_refused_with_those_that_exist() -> None:
    with pytest.raises(SchemeError) as caught:
        number_format("int3.5")
    for half in (caught.value.text.es, caught.value.text.en):
        assert "int3.5" in half
        assert all(name in half for name in FORMATS)
    assert number_format("int3") is FORMATS["int3"]


def test_a_wide_float_is_no_element() -> None:
    with pytest.raises(SchemeError) as caught:
        FORMATS["float16"].decode(torch.zeros(1, dtype=torch.uint8))
    assert caught.value.text.es == f"float16 no cabe en códigos de 8 bits; se permite: {', '.join(ELEMENTS)}."
    assert caught.value.text.en == f"float16 does not fit in 8-bit codes; allowed: {', '.join(ELEMENTS)}."


def test_an_integer_stores_no_scale() -> None:
    with pytest.raises(SchemeError) as caught:
        FORMATS["int8"].round(torch.ones(1))
    assert "float32, float16 o bfloat16" in caught.value.text.es
    assert "float32, float16 or bfloat16" in caught.value.text.en
