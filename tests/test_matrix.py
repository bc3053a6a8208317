"""A packed matrix holds as many bytes as promised and decodes to the very numbers of the definition."""

from __future__ import annotations

import pytest
import torch
from cases import each
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import ALIGNED, BLOCK_SCHEMES, CASTS, HALF, UNALIGNED, UNUSUAL, any_matrix, integers
from torch import Tensor

from quant.blocks import BLOCKS
from quant.errors import SchemeError
from quant.formats import FORMATS, NumberFormat, exmy
from quant.kernels.matrix import TOGETHER, Codes, Numbers, PackedMatrix
from quant.methods import quantize
from quant.packing import Layout, pack_codes, unpack_codes
from quant.qtensor import QTensor
from quant.scheme import Flat, Grid, Offset, PerGroup, PerTensor, Scheme, Shape

FLAT = ("NF4", "NF4_DOUBLE", "FP4")
ANY_LENGTH = [*integers(UNALIGNED), *CASTS, *(BLOCKS[n].scheme for n in FLAT)]
WHOLE = [*integers(ALIGNED), *UNUSUAL, *BLOCK_SCHEMES]
ELEMENTS = [
    *FORMATS.values(), exmy(2, 1), exmy(3, 2), exmy(4, 3), exmy(5, 10), exmy(8, 7),
]  # fmt: skip
CODES = [f for f in ELEMENTS if f.code_bits in (*TOGETHER, 16, 32)]


def assert_same_numbers(got: Tensor, want: Tensor) -> None:
    """Bit for bit, the signs of zeros too; any NaN is a NaN. (E8M7 without infinity decodes to float64.)"""
    want = want.float()
    assert (got.dtype, got.shape) == (torch.float32, want.shape)
    nan = want.isnan()
    assert torch.equal(got.isnan(), nan)
    assert torch.equal(got.contiguous().view(torch.int32)[~nan], want.contiguous().view(torch.int32)[~nan])


def assert_same(a: QTensor, b: QTensor) -> None:
    """Every part equal, dtypes and nested parts too."""
    assert a.scheme == b.scheme
    assert a.codes.dtype == b.codes.dtype
    assert torch.equal(a.codes, b.codes)
    for x, y in ((a.scale, b.scale), (a.zero, b.zero), (a.offset, b.offset)):
        assert type(x) is type(y)
        if isinstance(x, QTensor) and isinstance(y, QTensor):
            assert_same(x, y)
        elif isinstance(x, Tensor) and isinstance(y, Tensor):
            assert (x.dtype, x.shape) == (y.dtype, y.shape)
            assert torch.equal(x, y)


def held_as(scheme: Scheme, shape: Shape) -> int:
    """Bytes that a packed matrix takes: the layout's, but that base 3 is held as two bits a weight."""
    wider = {"TQ1_0": 66 - 54}.get(scheme.name, 0)  # bytes a block of 256: 64 + 2 rather than 48 + 4 + 2
    return Layout(scheme).nbytes(shape) + wider * (shape[0] * shape[1] // 256)


def check(q: QTensor) -> None:
    """Numbers, any rows of them, bytes, and the way back."""
    matrix, want = PackedMatrix.of(q), q.dequantize()
    rows = q.shape[0]
    assert_same_numbers(matrix.rows(), want)
    for first, last in {(0, 1), (rows - 1, rows), (rows // 3, rows - rows // 3), (rows // 2, rows // 2), (rows, rows)}:
        assert_same_numbers(matrix.rows(first, last), want[first:last])
    assert_same_numbers(matrix.rows(rows // 2), want[rows // 2 :])
    assert matrix.nbytes == held_as(q.scheme, q.shape)
    assert matrix.shape == q.shape
    back = matrix.qtensor()
    assert_same(back, q)
    if isinstance(q.scheme.scale, NumberFormat) and q.scheme.scale.code_bits == 16 and q.scheme.scale.dtype is None:
        return  # the layout stores wide scales in torch's formats only
    assert Layout(q.scheme).pack(back) == Layout(q.scheme).pack(q)


@each("scheme", WHOLE)
def test_rows_of_whole_groups(scheme: Scheme) -> None:
    for seed, rows in enumerate((5, 1)):
        check(any_matrix(scheme, (rows, 512), seed))


@each("scheme", ANY_LENGTH)
def test_rows_of_any_length(scheme: Scheme) -> None:
    for seed, shape in enumerate([(5, 21), (1, 1), (1, 37), (13, 1), (4, 64), (7, 130)]):
        check(any_matrix(scheme, shape, seed))


@given(st.sampled_from([s for s in ANY_LENGTH if isinstance(s.granularity, Flat)]), st.integers(1, 9),
       st.integers(1, 150), st.data())  # fmt: skip
def test_any_rows_of_groups_that_cross_them(scheme: Scheme, rows: int, columns: int, data: st.DataObject) -> None:
    q = any_matrix(scheme, (rows, columns), rows)
    first = data.draw(st.integers(0, rows))
    last = data.draw(st.integers(first, rows))
    assert_same_numbers(PackedMatrix.of(q).rows(first, last), q.dequantize()[first:last])


@each("scheme", BLOCK_SCHEMES)
def test_weights_that_were_rounded(scheme: Scheme) -> None:
    weight = torch.randn(2, 256, generator=torch.Generator().manual_seed(3))
    weight[0, :64] = 0
    weight[1, 70] = 1e3
    check(quantize(weight, scheme))


def test_only_base_3_is_held_in_more_bytes_than_its_layout() -> None:
    wider = {}
    for name, block in BLOCKS.items():
        matrix = PackedMatrix.of(any_matrix(block.scheme, (4, 512)))
        if matrix.nbytes != Layout(block.scheme).nbytes((4, 512)):
            wider[name] = (8 * matrix.nbytes / 2048, 8 * Layout(block.scheme).nbytes((4, 512)) / 2048)
    assert wider == {"TQ1_0": (2.0625, 1.6875)}


def test_a_mean_of_zero_is_held_too() -> None:
    """NF4's nested scales subtract their mean: four bytes, even of a matrix of zeros."""
    scheme = BLOCKS["NF4_DOUBLE"].scheme
    check(quantize(torch.zeros(3, 100), scheme))


@pytest.mark.slow
@each("element", CODES)
@settings(max_examples=20)
@given(data=st.data())
def test_codes_come_back_and_decode(element: NumberFormat, data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(0, 2**element.code_bits - 1), max_size=60))
    first = data.draw(st.integers(0, len(codes)))
    last = data.draw(st.integers(first, len(codes)))
    tensor = torch.tensor(codes, dtype=torch.uint8 if element.values is not None else torch.int64)
    packed = Codes.of(tensor, element)
    assert packed.data.dtype == torch.uint8
    assert packed.data.numel() == -(-len(codes) * element.code_bits // 8)
    assert packed.count == len(codes)
    assert packed.unpacked(first, last).tolist() == codes[first:last]
    assert packed.unpacked().tolist() == codes
    assert_same_numbers(packed.values(first, last), element.decode(tensor[first:last]))
    assert_same_numbers(packed.values(), element.decode(tensor))


def test_every_code_of_every_format_decodes() -> None:
    for element in (f for f in CODES if f.code_bits <= 16):
        codes = torch.arange(2**element.code_bits).flip(0)
        codes = codes if element.values is None else codes.to(torch.uint8)
        assert_same_numbers(Codes.of(codes, element).values(), element.decode(codes))


@each("bits", range(1, 9))
def test_codes_of_any_place_in_a_long_run(bits: int) -> None:
    element = {1: FORMATS["binary"]}.get(bits) or FORMATS[f"uint{bits}"]
    codes = torch.randint(2**bits, (203,), generator=torch.Generator().manual_seed(bits), dtype=torch.uint8)
    packed, values = Codes.of(codes, element), element.decode(codes)
    for first in range(20):
        for last in (first, first + 1, first + 13, 200, 203):
            assert torch.equal(packed.unpacked(first, last), codes[first:last])
            assert torch.equal(packed.values(first, last), values[first:last])


@given(st.integers(1, 8), st.integers(0, 40), st.booleans())
def test_bytes_are_unpacked_from_a_tensor_as_from_bytes(bits: int, count: int, high_first: bool) -> None:
    high_first = high_first and 8 % bits == 0
    codes = torch.randint(2**bits, (count,), generator=torch.Generator().manual_seed(count), dtype=torch.uint8)
    data = pack_codes(codes, bits, high_first=high_first)
    tensor = torch.tensor(list(data), dtype=torch.uint8)
    assert torch.equal(unpack_codes(tensor, bits, count, high_first=high_first), codes)
    assert torch.equal(unpack_codes(data, bits, count, high_first=high_first), codes)


@each("scheme", [*UNUSUAL[5:], BLOCKS["Q4_K"].scheme, BLOCKS["NVFP4"].scheme])
def test_any_scales_are_their_part_of_all_of_them(scheme: Scheme) -> None:
    numbers = PackedMatrix.of(any_matrix(scheme, (5, 512))).scale
    assert numbers is not None
    every = numbers.values()
    assert len(every) == numbers.codes.count
    for first, last in ((0, 1), (3, 20), (8, 16), (15, 17), (len(every) - 1, len(every)), (9, 9)):
        assert torch.equal(numbers.values(first, last), every[first:last])


def test_one_row_does_not_decode_the_scales_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token table is read row by row."""
    schemes = [BLOCKS["Q4_K"].scheme, BLOCKS["NF4_DOUBLE"].scheme, Scheme.integer(4, Flat(24))]
    matrices = [PackedMatrix.of(any_matrix(s, (64, 512))) for s in schemes]
    decoded: list[int] = []
    values = Codes.values

    def counted(self: Codes, first: int = 0, last: int | None = None) -> Tensor:
        found = values(self, first, last)
        decoded.append(len(found))
        return found

    monkeypatch.setattr(Codes, "values", counted)
    for matrix in matrices:
        decoded.clear()
        matrix.rows(7, 8)
        assert sum(decoded) < 512 + 512 // 8


@each("first, last", [(-1, 1), (0, 4), (2, 1), (3, 4), (-2, -1)])
def test_rows_outside_of_the_matrix_are_refused(first: int, last: int) -> None:
    matrix = PackedMatrix.of(any_matrix(Scheme.integer(4, PerGroup(16)), (3, 32)))
    with pytest.raises(IndexError, match="of 3"):
        matrix.rows(first, last)


@each(
    "scheme",
    [
        Scheme.integer(8, PerGroup(8), zero_point=True),
        Scheme(FORMATS["uint8"], PerGroup(8), Grid.RANGE, HALF, Offset(HALF)),
        Scheme(FORMATS["int8"], PerGroup(8), scale=Scheme.integer(8, PerTensor())),
        Scheme(FORMATS["float8_e4m3fn"], PerTensor(), Grid.UNIT, None),
    ],
)
def test_scales_quantized_in_another_way_are_refused_with_what_is_allowed(scheme: Scheme) -> None:
    q = any_matrix(Scheme(FORMATS["int4"], PerGroup(8), scale=scheme), (2, 128))
    with pytest.raises(SchemeError, match="Quantized scales have floating-point scales in turn") as caught:
        PackedMatrix.of(q)
    assert caught.value.text.es.startswith("Las escalas cuantizadas llevan")


def test_numbers_come_back_as_they_were() -> None:
    for how in (HALF, UNUSUAL[5].scale, UNUSUAL[6].scale):
        stored = any_matrix(UNUSUAL[0] if how is HALF else Scheme(FORMATS["int4"], PerGroup(16), scale=how), (3, 512))
        assert stored.scale is not None
        back = Numbers.of(stored.scale, how).restored(how, (3, 32))
        if isinstance(back, QTensor) and isinstance(stored.scale, QTensor):
            assert_same(back, stored.scale)
        else:
            assert torch.equal(back, stored.scale)


def test_an_offset_of_zero_is_added_too() -> None:
    """Which turns -0 into +0, as in the definition."""
    nested = Scheme(FORMATS["int8"], Flat(8), Grid.CENTRED, HALF, Offset(HALF))
    codes = torch.zeros(1, 4, dtype=torch.uint8)
    scale = QTensor(codes, torch.tensor([[-1.0]]), None, nested, torch.zeros(1, 1))
    scheme = Scheme(FORMATS["int4"], PerGroup(8), scale=nested)
    check(QTensor(torch.full((1, 32), 3, dtype=torch.uint8), scale, None, scheme))
