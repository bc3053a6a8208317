"""Bytes: as many as promised, each where it should be, and back to the same matrix."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from quant.errors import QuantError
from quant.formats import FORMATS
from quant.methods.rtn import quantize
from quant.packing import Layout, bits_per_weight, pack_codes, unpack_codes
from quant.qtensor import QTensor
from quant.scheme import PerChannel, PerGroup, PerTensor, Scheme

SCHEMES = [
    Scheme.integer(bits, granularity, zero_point=zero_point, scale=FORMATS[scale])
    for bits, granularity, zero_point, scale in itertools.product(
        range(2, 9), (PerTensor(), PerChannel(), PerGroup(16)), (False, True), ("float32", "float16", "bfloat16")
    )
]


def label(scheme: Scheme) -> str:
    return f"{scheme.element.name}-{scheme.granularity}-{scheme.scale.name}"


def matrix(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@given(st.integers(1, 8).flatmap(lambda b: st.tuples(st.just(b), st.lists(st.integers(0, 2**b - 1), min_size=1))))
def test_codes_come_back(case: tuple[int, list[int]]) -> None:
    bits, codes = case
    data = pack_codes(torch.tensor(codes, dtype=torch.uint8), bits)
    assert len(data) == -(-len(codes) * bits // 8)
    assert unpack_codes(data, bits, len(codes)).tolist() == codes


@pytest.mark.parametrize(
    ("bits", "codes", "data"),
    [
        (1, [1, 0, 1, 1, 0, 0, 0, 0, 1], [0b00001101, 0b00000001]),
        (2, [3, 0, 1, 2], [0b10_01_00_11]),
        (3, [0b101, 0b011, 0b110], [0b10_011_101, 0b0000000_1]),
        (4, [0x1, 0x2, 0xF], [0x21, 0x0F]),
        (8, [1, 2, 255], [1, 2, 255]),
    ],
)
def test_the_first_code_lies_in_the_lowest_bits(bits: int, codes: list[int], data: list[int]) -> None:
    assert list(pack_codes(torch.tensor(codes, dtype=torch.uint8), bits)) == data


def test_codes_scales_and_zeros_follow_one_another() -> None:
    scheme = Scheme.integer(4, PerChannel(), zero_point=True)
    codes = torch.tensor([[0, 1, 2], [15, 8, 7]], dtype=torch.uint8)
    q = QTensor(codes, torch.tensor([[1.0], [-2.0]]), torch.tensor([[3], [12]], dtype=torch.uint8), scheme)
    # Codes low nibble first, across rows; 1.0 is 0x3C00 and -2.0 is 0xC000 in float16, low byte first; both zeros.
    assert Layout(scheme).pack(q).hex(" ") == "10 f2 78 00 3c 00 c0 c3"


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_a_matrix_comes_back_from_as_many_bytes_as_promised(scheme: Scheme) -> None:
    # 3 x 48 = 144 codes: at 3, 5 and 7 bits, and for single zero points, the last byte is padded.
    q = quantize(matrix(3, 48), scheme)
    data = Layout(scheme).pack(q)
    assert len(data) == Layout(scheme).nbytes((3, 48))
    back = Layout(scheme).unpack(data, (3, 48))
    assert torch.equal(back.codes, q.codes)
    assert torch.equal(back.scale, q.scale)
    assert (back.zero is None) == (q.zero is None)
    assert torch.equal(back.dequantize(), q.dequantize())


@given(st.sampled_from(SCHEMES), st.integers(1, 5), st.integers(1, 3))
def test_any_shape_comes_back(scheme: Scheme, rows: int, groups: int) -> None:
    shape = (rows, 16 * groups) if isinstance(scheme.granularity, PerGroup) else (rows, 2 * groups + 1)
    q = quantize(matrix(*shape), scheme)
    data = Layout(scheme).pack(q)
    assert len(data) == Layout(scheme).nbytes(shape)
    assert torch.equal(Layout(scheme).unpack(data, shape).dequantize(), q.dequantize())


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_bits_per_weight_are_the_bytes_where_nothing_is_padded(scheme: Scheme) -> None:
    # 8 rows make whole bytes of codes and of zero points; a single zero point is padded unless it has 8 bits.
    shape = (8, 64)
    if isinstance(scheme.granularity, PerTensor) and scheme.shift and scheme.element.code_bits < 8:
        padding = 8 - scheme.element.code_bits
    else:
        padding = 0
    assert 8 * Layout(scheme).nbytes(shape) == bits_per_weight(scheme, shape) * 8 * 64 + padding


def test_padding_is_counted() -> None:
    # 5 codes of 3 bits: 2 bytes; one scale of 2 bytes; one zero point of 3 bits: 1 byte.
    scheme = Scheme.integer(3, PerTensor(), zero_point=True)
    assert Layout(scheme).sections((1, 5)) == (2, 2, 1)
    assert Layout(scheme).nbytes((1, 5)) == 5


@pytest.mark.parametrize("change", [-1, 1])
def test_a_wrong_length_is_refused_with_the_right_one(change: int) -> None:
    layout = Layout(Scheme.integer(4, PerChannel()))
    with pytest.raises(QuantError) as caught:
        layout.unpack(bytes(20 + change), (2, 32 // 2))
    assert caught.value.text.es == f"Han llegado {20 + change} bytes; una matriz 2 × 16 en este formato ocupa 20."
    assert caught.value.text.en == f"Got {20 + change} bytes; a 2 × 16 matrix in this format takes 20."
