"""Bytes: as many as promised, each where it should be, and back to the same matrix."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from cases import each
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from quant.blocks import BLOCKS
from quant.errors import QuantError, SchemeError
from quant.formats import FORMATS, NumberFormat
from quant.methods.rtn import quantize
from quant.packing import Layout, bits_per_weight, pack_codes, unpack_codes
from quant.packing.dense import sections
from quant.qtensor import QTensor
from quant.scheme import Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme, Shape

GRANULARITIES: list[Granularity] = [PerTensor(), PerChannel(), PerGroup(16)]
INTEGER_SCHEMES = [
    Scheme.integer(bits, granularity, zero_point=zero_point, scale=FORMATS[scale])
    for bits, granularity, zero_point, scale in itertools.product(
        range(2, 9), GRANULARITIES, (False, True), ("float32", "float16", "bfloat16")
    )
]
CASTS = [
    Scheme(f, PerTensor(), Grid.UNIT, None)
    for f in FORMATS.values()
    if f.layout and f.layout.signed and f.code_bits in (4, 6, 8, 16)
]
SMALL_FLOATS = [
    Scheme(FORMATS[element], PerGroup(16), Grid.ABSMAX, FORMATS[scale])
    for element in ("float8_e5m2", "float6_e3m2fn", "float4_e2m1fn", "nf4", "ternary", "binary")
    for scale in ("float16", "float8_e4m3fn", "float8_e8m0fnu")
] + [Scheme(FORMATS["uint3"], PerGroup(16), Grid.RANGE, FORMATS["float16"], Offset(FORMATS["bfloat16"]))]
SCHEMES = INTEGER_SCHEMES + CASTS + SMALL_FLOATS
GGML = [n for n, b in BLOCKS.items() if b.source.startswith("ggml")]
DENSE_BLOCKS = [n for n in BLOCKS if n not in GGML]
ROUNDED = [n for n, b in BLOCKS.items() if not b.searched]
# Any bytes of theirs are the codes, scales and offsets of something, and so come back. TQ1_0 uses 243 of 256 values of
# a byte and TQ2_0 three of four codes. (Floats that are NaN may lose their payload on the way, so none are tried.)
CANONICAL = [n for n in GGML if n not in ("TQ1_0", "TQ2_0")]
FLOAT16_FIELDS = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "IQ4_NL": [0], "IQ4_XS": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "TQ1_0": [52], "TQ2_0": [64],
}  # fmt: skip
SEVEN_BIT_FIELDS = {"MXFP4_GGML": [0], "NVFP4_GGML": [0, 1, 2, 3]}


def label(scheme: Scheme) -> str:
    scale = scheme.scale.name if isinstance(scheme.scale, NumberFormat) else "no scale"
    return f"{scheme.element.name}-{scheme.granularity}-{scale}"


def matrix(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def assert_same(a: QTensor, b: QTensor) -> None:
    """Every part equal, dtypes and nested parts too."""
    assert a.scheme == b.scheme
    assert torch.equal(a.codes, b.codes)
    assert a.codes.dtype == b.codes.dtype
    for x, y in ((a.scale, b.scale), (a.zero, b.zero), (a.offset, b.offset)):
        assert type(x) is type(y)
        if isinstance(x, QTensor) and isinstance(y, QTensor):
            assert_same(x, y)
        elif isinstance(x, Tensor) and isinstance(y, Tensor):
            assert torch.equal(x, y)
            assert (x.dtype, x.shape) == (y.dtype, y.shape)


def there_and_back(q: QTensor) -> None:
    """Pack, count, unpack, compare."""
    layout = Layout(q.scheme)
    data = layout.pack(q)
    assert isinstance(data, bytes)
    assert len(data) == layout.nbytes(q.shape)
    assert 8 * len(data) == bits_per_weight(q.scheme, q.shape) * q.codes.numel()
    back = layout.unpack(data, q.shape)
    assert_same(back, q)
    assert torch.equal(back.dequantize(), q.dequantize())


@given(st.integers(1, 8).flatmap(lambda b: st.tuples(st.just(b), st.lists(st.integers(0, 2**b - 1)))), st.booleans())
def test_codes_come_back(case: tuple[int, list[int]], high_first: bool) -> None:
    bits, codes = case
    if 8 % bits:
        high_first = False
    data = pack_codes(torch.tensor(codes, dtype=torch.uint8), bits, high_first=high_first)
    assert len(data) == -(-len(codes) * bits // 8)
    assert unpack_codes(data, bits, len(codes), high_first=high_first).tolist() == codes


@given(st.integers(1, 8).flatmap(lambda b: st.tuples(st.just(b), st.lists(st.integers(0, 2**b - 1), min_size=1))))
def test_dense_codes_are_the_digits_of_one_long_number(case: tuple[int, list[int]]) -> None:
    bits, codes = case
    number = sum(code << (bits * i) for i, code in enumerate(codes))
    data = pack_codes(torch.tensor(codes, dtype=torch.uint8), bits)
    assert int.from_bytes(data, "little") == number


@each(
    "bits, codes, data",
    [
        (1, [1, 0, 1, 1, 0, 0, 0, 0, 1], [0b00001101, 0b00000001]),
        (2, [3, 0, 1, 2], [0b10_01_00_11]),
        (3, [0b101, 0b011, 0b110], [0b10_011_101, 0b0000000_1]),
        (4, [0x1, 0x2, 0xF], [0x21, 0x0F]),
        (6, [0b000001, 0b100000, 0b111111, 0b010101], [0b00_000001, 0b1111_1000, 0b010101_11]),
        (8, [1, 2, 255], [1, 2, 255]),
    ],
)
def test_the_first_code_lies_in_the_lowest_bits(bits: int, codes: list[int], data: list[int]) -> None:
    assert list(pack_codes(torch.tensor(codes, dtype=torch.uint8), bits)) == data


@each(
    "bits, codes, data",
    [
        (4, [0x1, 0x2, 0xF], [0x12, 0xF0]),
        (2, [3, 0, 1, 2], [0b11_00_01_10]),
        (1, [1, 0, 0, 0, 0, 0, 0, 0, 1], [0b10000000, 0b10000000]),
    ],
)
def test_with_high_first_it_lies_in_the_highest(bits: int, codes: list[int], data: list[int]) -> None:
    assert list(pack_codes(torch.tensor(codes, dtype=torch.uint8), bits, high_first=True)) == data


def test_only_bitsandbytes_formats_put_the_first_nibble_high() -> None:
    weight = matrix(1, 64)
    for name in DENSE_BLOCKS:
        q = quantize(weight, BLOCKS[name].scheme)
        if q.scheme.element.code_bits == 4:
            first, second = q.codes[0, :2].tolist()
            high = name in ("NF4", "NF4_DOUBLE", "FP4")
            assert Layout(q.scheme).pack(q)[0] == (first << 4 | second if high else second << 4 | first)


def test_packing_does_not_depend_on_the_layout_in_memory() -> None:
    codes = torch.arange(64, dtype=torch.uint8).view(8, 8)
    for bits in (6, 7, 8):
        assert pack_codes(codes.t(), bits) == pack_codes(codes.t().contiguous(), bits)


def test_codes_scales_and_zeros_follow_one_another() -> None:
    scheme = Scheme.integer(4, PerChannel(), zero_point=True)
    codes = torch.tensor([[0, 1, 2], [15, 8, 7]], dtype=torch.uint8)
    q = QTensor(codes, torch.tensor([[1.0], [-2.0]]), torch.tensor([[3], [12]], dtype=torch.uint8), scheme)
    # Codes low nibble first, across rows; 1.0 is 0x3C00 and -2.0 is 0xC000 in float16, low byte first; both zeros.
    assert Layout(scheme).pack(q).hex(" ") == "10 f2 78 00 3c 00 c0 c3"


def test_offsets_come_last_in_their_own_format() -> None:
    scheme = Scheme(FORMATS["uint4"], PerChannel(), Grid.RANGE, FORMATS["float16"], Offset(FORMATS["bfloat16"]))
    codes = torch.tensor([[1, 2]], dtype=torch.uint8)
    q = QTensor(codes, torch.tensor([[1.0]]), None, scheme, torch.tensor([[-2.0]]))
    assert Layout(scheme).pack(q).hex(" ") == "21 00 3c 00 c0"  # 1.0 is 0x3C00 in float16, -2.0 0xC000 in bfloat16


def test_a_sixteen_bit_cast_is_the_numbers_own_bytes() -> None:
    weight = matrix(3, 5)
    for name, dtype in (("float16", torch.float16), ("bfloat16", torch.bfloat16)):
        scheme = Scheme(FORMATS[name], PerTensor(), Grid.UNIT, None)
        data = Layout(scheme).pack(quantize(weight, scheme))
        assert data == weight.to(dtype).view(torch.int16).numpy().tobytes()


def test_the_bytes_of_nvfp4_are_nibbles_then_e4m3_scales_then_one_float32() -> None:
    scheme, weight = BLOCKS["NVFP4"].scheme, matrix(2, 32)
    q = quantize(weight, scheme)
    data = Layout(scheme).pack(q)
    assert isinstance(q.scale, QTensor)
    assert isinstance(q.scale.scale, Tensor)
    assert data[:32] == pack_codes(q.codes, 4)
    assert list(data[32:36]) == q.scale.codes.view(-1).tolist()
    assert data[36:] == q.scale.scale.numpy().tobytes()


def test_the_bytes_of_mx_are_codes_then_powers_of_two() -> None:
    weight = torch.zeros(1, 64)
    weight[0, 0], weight[0, 32] = 6.0, 0.75
    q = quantize(weight, BLOCKS["MXFP4"].scheme)
    assert list(Layout(q.scheme).pack(q)) == [0x07, *[0] * 15, 0x07, *[0] * 15, 127, 127 - 3]


@each("scheme", SCHEMES)
def test_a_matrix_comes_back_from_as_many_bytes_as_promised(scheme: Scheme) -> None:
    # 3 x 48 = 144 codes: at 5 and 7 bits, and for zero points, the last byte is padded.
    there_and_back(quantize(matrix(3, 48), scheme))


@each("name", ROUNDED)
def test_a_matrix_in_a_block_format_comes_back(name: str) -> None:
    there_and_back(quantize(matrix(3, 512), BLOCKS[name].scheme))


@each("name", ["NF4", "NF4_DOUBLE", "FP4"])
@each("shape", [(1, 1), (3, 21), (5, 257), (1, 64), (130, 129)])
def test_a_matrix_whose_last_run_is_short_comes_back(name: str, shape: Shape) -> None:
    there_and_back(quantize(matrix(*shape), BLOCKS[name].scheme))


@given(st.sampled_from(SCHEMES), st.integers(1, 5), st.integers(1, 3))
def test_any_shape_comes_back(scheme: Scheme, rows: int, groups: int) -> None:
    shape = (rows, 16 * groups) if isinstance(scheme.granularity, PerGroup) else (rows, 2 * groups + 1)
    there_and_back(quantize(matrix(*shape), scheme))


def any_numbers(how: NumberFormat | Scheme, shape: Shape, random: np.random.Generator) -> Tensor | QTensor:
    """Scales or offsets that `how` can hold."""
    if isinstance(how, Scheme):
        return any_qtensor(how, shape, random)
    numbers = torch.from_numpy(random.standard_normal(shape).astype(np.float32))
    return how.round(numbers if how.lowest < 0 else numbers.abs() + 0.1)  # powers of two have no sign


def any_qtensor(scheme: Scheme, shape: Shape, random: np.random.Generator) -> QTensor:
    """A matrix of any codes, scales and offsets: what no rounding needs to have made."""
    rows, groups, _ = scheme.groups(shape)
    values = scheme.element.values
    assert values is not None
    numbers = torch.nonzero(values.isfinite()).view(-1).numpy()
    codes = torch.from_numpy(random.choice(numbers, shape).astype(np.uint8))
    assert scheme.scale is not None
    scale = any_numbers(scheme.scale, (rows, groups), random)
    if not isinstance(scheme.shift, Offset):
        return QTensor(codes, scale, None, scheme)
    shape_of = (1, 1) if scheme.grid is Grid.CENTRED else (rows, groups)
    return QTensor(codes, scale, None, scheme, any_numbers(scheme.shift.store, shape_of, random))


@given(st.sampled_from(sorted(BLOCKS)), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32))
def test_any_matrix_of_a_block_format_comes_back(name: str, rows: int, blocks: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scheme = BLOCKS[name].scheme
    q = any_qtensor(scheme, (rows, 256 * blocks), random)
    there_and_back(q)


def any_bytes(name: str, rows: int, random: np.random.Generator) -> bytes:
    """Random bytes of blocks of `name`, but that no float in them is infinite or NaN."""
    shape = (rows, 256)
    data = random.integers(0, 256, Layout(BLOCKS[name].scheme).nbytes(shape), dtype=np.uint8)
    blocks = data.reshape(blocks_of(name, shape), -1)
    for start in FLOAT16_FIELDS.get(name, []):
        numbers = random.standard_normal(len(blocks)).astype("<f2")
        blocks[:, start : start + 2] = numbers.view(np.uint8).reshape(-1, 2)
    for start in SEVEN_BIT_FIELDS.get(name, []):
        blocks[:, start] &= 0x7E
    return blocks.tobytes()


def blocks_of(name: str, shape: Shape) -> int:
    sizes = {"NVFP4_GGML": 64, **dict.fromkeys(["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "MXFP4_GGML"], 32)}
    return shape[0] * shape[1] // sizes.get(name, 256)


@each("name", CANONICAL)
def test_any_bytes_come_back_from_the_matrix_they_hold(name: str) -> None:
    layout = Layout(BLOCKS[name].scheme)
    for seed in range(20):
        data = any_bytes(name, 4, np.random.default_rng(seed))
        q = layout.unpack(data, (4, 256))
        assert layout.pack(q) == data
        assert bool(q.dequantize().isfinite().all())


def test_base_3_bytes_hold_five_digits_and_13_of_256_hold_none() -> None:
    layout = Layout(BLOCKS["TQ1_0"].scheme)
    known = set()
    for code in range(0, 243, 3):
        digits = [[code // 3**i % 3] for i in range(5)]
        codes = torch.ones(1, 256, dtype=torch.uint8)
        codes[0, 0:160:32] = torch.tensor(digits, dtype=torch.uint8).view(-1)  # byte 0 holds codes 0, 32, 64, 96, 128
        data = layout.pack(QTensor(codes, torch.ones(1, 1), None, layout.scheme))
        number = sum(3 ** (4 - i) * d for i, (d,) in enumerate(digits))
        assert data[0] == -(-number * 256 // 243)
        known.add(data[0])
        assert torch.equal(layout.unpack(data, (1, 256)).codes, codes)
    assert len(known) == 81


@each("scheme", INTEGER_SCHEMES)
def test_bits_per_weight_are_codes_scales_and_zero_points(scheme: Scheme) -> None:
    rows, groups, _ = scheme.groups((8, 64))
    bits = scheme.element.code_bits
    assert isinstance(scheme.scale, NumberFormat)
    exact = bits * 8 * 64 + rows * groups * (scheme.scale.code_bits + (bits if scheme.shift else 0))
    padding = -exact % 8  # of a single zero point
    assert padding == 0 or isinstance(scheme.granularity, PerTensor)
    assert bits_per_weight(scheme, (8, 64)) == (exact + padding) / (8 * 64)


def test_padding_is_counted() -> None:
    # 5 codes of 3 bits: 2 bytes; one scale of 2 bytes; one zero point of 3 bits: 1 byte.
    scheme = Scheme.integer(3, PerTensor(), zero_point=True)
    assert sections(scheme, (1, 5)) == (2, 2, 1, 0, 0)
    assert Layout(scheme).nbytes((1, 5)) == 5
    assert bits_per_weight(scheme, (1, 5)) == 8.0


def test_the_sections_of_double_quantization_are_counted_to_the_byte() -> None:
    # 2 x 96 = 192 weights: three runs of 64, so three nested codes, one float32 scale for them and one float32 mean.
    assert sections(BLOCKS["NF4_DOUBLE"].scheme, (2, 96)) == (96, 3 + 4 + 4, 0, 0, 0)
    short = Scheme(FORMATS["nf4"], Flat(64), scale=FORMATS["float32"])
    assert sections(short, (3, 43)) == (65, 12, 0, 0, 0)  # 129 nibbles, three runs


@each("change", [-1, 1])
def test_a_wrong_length_is_refused_with_the_right_one(change: int) -> None:
    layout = Layout(Scheme.integer(4, PerChannel()))
    with pytest.raises(QuantError) as caught:
        layout.unpack(bytes(20 + change), (2, 32 // 2))
    assert caught.value.text.es == f"Han llegado {20 + change} bytes; una matriz 2 × 16 en este formato ocupa 20."
    assert caught.value.text.en == f"Got {20 + change} bytes; a 2 × 16 matrix in this format takes 20."


@each("name", BLOCKS)
@each("length", [0, -1, 1])
def test_a_wrong_length_of_blocks_is_refused_with_the_right_one(name: str, length: int) -> None:
    layout = Layout(BLOCKS[name].scheme)
    want = layout.nbytes((2, 256))
    got = max(0, length and want + length)
    with pytest.raises(QuantError) as caught:
        layout.unpack(bytes(got), (2, 256))
    assert caught.value.text.es == f"Han llegado {got} bytes; una matriz 2 × 256 en este formato ocupa {want}."
    assert caught.value.text.en == f"Got {got} bytes; a 2 × 256 matrix in this format takes {want}."


@each("name", [n for n in BLOCKS if n not in ("NF4", "NF4_DOUBLE", "FP4")])
def test_a_matrix_that_blocks_do_not_fill_is_refused_either_way(name: str) -> None:
    layout = Layout(BLOCKS[name].scheme)
    for refused in (lambda: layout.unpack(bytes(100), (2, 40)), lambda: layout.nbytes((2, 40))):
        with pytest.raises(SchemeError, match="has rows of 40, not a multiple"):
            refused()
