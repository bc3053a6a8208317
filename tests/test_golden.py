"""Bytes and values of ggml and bitsandbytes, bit for bit; golden/README.md says where the files come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import each
from torch import Tensor

from quant.blocks import BLOCKS
from quant.codebooks import FP4, NF4
from quant.errors import SchemeError
from quant.formats import FORMATS
from quant.methods import grid
from quant.methods.rtn import quantize
from quant.nearest import Ties
from quant.packing import Layout, bits_per_weight, pack_codes
from quant.qtensor import QTensor
from quant.scheme import Flat, Grid, PerGroup, Scheme

GOLDEN = Path(__file__).parent / "golden"
GGML, FP4_EDGES, REFERENCE, DOUBLE = (
    np.load(GOLDEN / f"{name}.npz") for name in ("ggml", "ggml_fp4", "reference", "bitsandbytes_double")
)
ENCODED_ALIKE = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4"]
SHAPE = (31, 768)
EVERY = [key.removesuffix(".bytes") for key in GGML.files if key.endswith(".bytes")]


def block_scheme(name: str) -> Scheme:
    """Ours of ggml's name; the `.imatrix` ones are bytes of the same format."""
    name = name.removesuffix(".imatrix")
    return BLOCKS[f"{name}_GGML" if f"{name}_GGML" in BLOCKS else name].scheme


def weights() -> Tensor:
    return torch.from_numpy(GGML["x"])


def as_rows(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.uint8).reshape(len(GGML["x"]), -1)


def test_the_golden_files_hold_sixteen_formats_and_eight_with_an_importance_matrix() -> None:
    assert len([n for n in EVERY if "imatrix" not in n]) == 16
    assert len([n for n in EVERY if "imatrix" in n]) == 8
    assert {block_scheme(n).name for n in EVERY} == {n for n, b in BLOCKS.items() if b.source.startswith("ggml")}


@each("name", ENCODED_ALIKE)
def test_rounding_gives_ggmls_bytes(name: str) -> None:
    scheme = block_scheme(name)
    got, want = as_rows(Layout(scheme).pack(quantize(weights(), scheme))), GGML[f"{name}.bytes"]
    assert np.array_equal(got, want), f"rows {np.unique(np.nonzero(got != want)[0])}"


@each("name", ENCODED_ALIKE)
def test_rounding_gives_ggmls_values_before_any_byte_is_written(name: str) -> None:
    got = quantize(weights(), block_scheme(name)).dequantize().numpy()
    assert np.array_equal(got, GGML[f"{name}.values"])


@each("name", EVERY)
def test_ggmls_bytes_decode_to_its_values(name: str) -> None:
    layout, data = Layout(block_scheme(name)), GGML[f"{name}.bytes"]
    got = layout.unpack(data.tobytes(), SHAPE).dequantize().numpy()
    assert got.dtype == np.float32
    assert np.array_equal(got, GGML[f"{name}.values"])


@each("name", EVERY)
def test_ggmls_bytes_come_back_when_packed_again(name: str) -> None:
    layout, data = Layout(block_scheme(name)), GGML[f"{name}.bytes"].tobytes()
    assert len(data) == layout.nbytes(SHAPE)
    assert layout.pack(layout.unpack(data, SHAPE)) == data


@each("name", EVERY)
def test_each_row_is_stored_on_its_own(name: str) -> None:
    layout, data = Layout(block_scheme(name)), GGML[f"{name}.bytes"]
    for row in (0, 15, 30):
        got = layout.unpack(data[row].tobytes(), (1, 768)).dequantize().numpy()
        assert np.array_equal(got[0], GGML[f"{name}.values"][row])


def fp4_bytes(name: str, weight: Tensor) -> np.ndarray:
    scheme = block_scheme(name)
    return np.frombuffer(Layout(scheme).pack(quantize(weight, scheme)), dtype=np.uint8).reshape(len(weight), -1)


@each("key", [key for key in FP4_EDGES.files if key.endswith(".bytes")])
def test_rounding_gives_ggmls_bytes_of_sparse_rows_ties_and_edges(key: str) -> None:
    part, name, _ = key.split(".")
    got = fp4_bytes(name, torch.from_numpy(FP4_EDGES[f"{part}.x"]))
    assert np.array_equal(got, FP4_EDGES[key]), f"rows {np.unique(np.nonzero(got != FP4_EDGES[key])[0])}"


def test_the_edges_are_where_ggml_and_the_specifications_differ() -> None:
    powers, scales = FP4_EDGES["powers.x"], FP4_EDGES["scales.x"]
    twice = quantize(torch.from_numpy(powers), BLOCKS["MXFP4_GGML"].scheme).scales()
    once = quantize(torch.from_numpy(powers), BLOCKS["MXFP4"].scheme).scales()
    ratio = (twice / once).view(-1).numpy()
    assert set(ratio) == {1.0, 2.0}
    assert (ratio == 2).sum() > 1000
    # Only where the largest is less than 45 steps of float32 below a power of two.
    bits = np.abs(powers).max(1).view(np.uint32) & 0x7FFFFF
    assert bits[ratio == 2].min() >= 2**23 - 44
    assert bits[ratio == 1].max() == 2**23 - 1
    even = Scheme(FORMATS["float4_e2m1fn"], PerGroup(16), Grid.ABSMAX, FORMATS["float8_e4m3fn"], ties=Ties.FIRST)
    plain = quantize(torch.from_numpy(scales), even).scales()
    assert (plain != quantize(torch.from_numpy(scales), BLOCKS["NVFP4_GGML"].scheme).scales()).sum() > 60


@each("name", ["NVFP4", "MXFP4"])
def test_columns_of_ggmls_fp4_are_rounded_as_the_entire_matrix(name: str) -> None:
    weight = torch.from_numpy(FP4_EDGES["rows.x"])
    frame = grid.frame(weight, block_scheme(name))
    parts = [grid.codes(weight[:, i : i + 40], frame, i) for i in range(0, 256, 40)]
    assert torch.equal(torch.cat(parts, 1), grid.codes(weight, frame))


def test_weights_beyond_what_ggmls_float32_tells_apart_lose_no_more_than_there() -> None:
    # From 2**34 on its sixteen distances are equal, so that the first code wins, that of 0.
    q = quantize(torch.full((1, 64), 2.0**36), BLOCKS["NVFP4_GGML"].scheme)
    assert q.dequantize().unique().tolist() == [6 * 448]


def test_where_ggmls_exponent_is_undefined_the_scale_is_the_smallest() -> None:
    weight = torch.full((3, 32), 2.0**-127) * torch.tensor([[1.0], [1.5], [2.0**-20]])
    q = quantize(weight, BLOCKS["MXFP4_GGML"].scheme)
    assert q.scales().unique().tolist() == [2.0**-127]
    assert q.dequantize()[:, 0].tolist() == [2.0**-127, 1.5 * 2.0**-127, 0.0]


def test_ggmls_nvfp4_loses_what_nvidias_second_scale_keeps() -> None:
    # Row 24 is 1e-6 in size and row 27 reaches 1e4: beyond 6 * 448 and below 6 * 2**-9 there is no scale.
    ggml, own = GGML["NVFP4.values"], quantize(weights()[27:28], BLOCKS["NVFP4"].scheme).dequantize()
    assert np.abs(ggml[24]).max() == 0
    assert np.abs(ggml[27]).max() == 6 * 448 < np.abs(GGML["x"][27]).max()
    assert float(own.abs().max()) == pytest.approx(np.abs(GGML["x"][27]).max(), rel=1e-3)


@each("name", sorted(n for n, b in BLOCKS.items() if b.searched))
def test_plain_rounding_refuses_a_format_that_searches(name: str) -> None:
    with pytest.raises(SchemeError) as caught:
        quantize(weights(), BLOCKS[name].scheme)
    assert caught.value.text.es == f"{name} busca sus escalas: no se obtiene por simple redondeo."
    assert caught.value.text.en == f"{name} searches for its scales: plain rounding does not give it."


BITSANDBYTES = [(name, size) for name in ("nf4", "fp4") for size in (64, 128)]


def bitsandbytes_scheme(name: str, size: int, *, double: bool = False) -> Scheme:
    nested = BLOCKS["NF4_DOUBLE"].scheme.scale
    scheme = replace(BLOCKS[name.upper()].scheme, granularity=Flat(size))
    return replace(scheme, scale=nested) if double else scheme


def test_the_tables_are_those_of_bitsandbytes() -> None:
    assert np.array_equal(np.array(NF4, dtype=np.float32), REFERENCE["bnb.nf4.code"])
    assert np.array_equal(np.array(FP4, dtype=np.float32), REFERENCE["bnb.fp4.code"])


@each("name, size", BITSANDBYTES)
def test_nf4_and_fp4_give_the_nibbles_and_values_of_bitsandbytes(name: str, size: int) -> None:
    scheme, weight = bitsandbytes_scheme(name, size), torch.from_numpy(REFERENCE["W"])
    q, want = quantize(weight, scheme), REFERENCE[f"bnb.{name}.b{size}.bytes"].tobytes()
    if scheme == BLOCKS[name.upper()].scheme:  # of blocks of another size nobody has published the bytes
        assert Layout(scheme).pack(q)[: len(want)] == want
    assert pack_codes(q.codes, 4, high_first=True) == want
    assert np.array_equal(q.dequantize().numpy(), REFERENCE[f"bnb.{name}.b{size}"])


@each("name, size", BITSANDBYTES)
def test_double_quantization_gives_the_values_of_bitsandbytes(name: str, size: int) -> None:
    # The nested scales take the same 8-bit codes as there: bitsandbytes finds a code through a table of 2**16 entries,
    # so that a number is rounded to 16 bits first, and that is reproduced.
    scheme, weight = bitsandbytes_scheme(name, size, double=True), torch.from_numpy(REFERENCE["W"])
    got, want = quantize(weight, scheme).dequantize().numpy(), REFERENCE[f"bnb.{name}.b{size}.double"]
    assert np.array_equal(got, want)
    assert not np.array_equal(want, REFERENCE[f"bnb.{name}.b{size}"])


def nested() -> Scheme:
    scheme = BLOCKS["NF4_DOUBLE"].scheme.scale
    assert isinstance(scheme, Scheme)
    return scheme


def double_quantized() -> QTensor:
    """The scales of a matrix whose blocks have the golden largest weights, quantized in turn."""
    largest = torch.from_numpy(DOUBLE["absmax"])
    weight = torch.zeros(len(largest), 64)
    weight[torch.arange(len(largest)), torch.arange(len(largest)) % 64] = largest
    scale = quantize(weight, BLOCKS["NF4_DOUBLE"].scheme).scale
    assert isinstance(scale, QTensor)
    return scale


def test_nested_scales_get_the_codes_of_bitsandbytes_beside_every_midpoint() -> None:
    got = double_quantized()
    assert isinstance(got.scale, Tensor)
    assert isinstance(got.offset, Tensor)
    assert got.offset.item() == DOUBLE["mean"]
    assert np.array_equal(got.scale.view(-1).numpy(), DOUBLE["scales"])
    assert np.array_equal(got.codes.view(-1).numpy(), DOUBLE["codes"])


def test_a_nested_code_is_that_of_a_16_bit_index_computed_in_float32() -> None:
    """The very arithmetic, in NumPy; in float64 the index, and with it the code, would now and then be another."""
    one, half, last = np.float32(1), np.float32(0.5), np.float32(65535)
    some = np.repeat(DOUBLE["scales"] > 0, 256)  # one block is of nothing but the mean
    scales, codes = np.repeat(DOUBLE["scales"], 256)[some], DOUBLE["codes"][some]
    x = (DOUBLE["absmax"][some] - DOUBLE["mean"]) * (one / scales)
    index = ((x + one) * half * last + half).astype(np.int64)
    exact = np.rint((x.astype(np.float64) + 1) / 2 * 65535).astype(np.int64)
    values = nested().element.decode(torch.arange(256)).numpy()
    middles = half * (values[1:] + values[:-1])
    looked_up = np.searchsorted(middles, -one + (2 * np.arange(65536)).astype(np.float32) / last)
    assert np.array_equal(looked_up[index], codes)
    assert 100 < (looked_up[exact] != codes).sum() < 1500
    assert np.abs(index - exact).max() == 1


def test_a_block_of_nested_scales_that_are_all_the_mean_has_the_first_code_and_the_mean() -> None:
    q = quantize(torch.full((4, 256), 0.5), BLOCKS["NF4_DOUBLE"].scheme)
    assert isinstance(q.scale, QTensor)
    assert q.scale.codes.unique().tolist() == [0]
    assert q.dequantize().unique().tolist() == [0.5]


def test_double_quantization_saves_three_eighths_of_a_bit() -> None:
    shape = (768, 3072)
    assert bits_per_weight(BLOCKS["NF4"].scheme, shape) == bits_per_weight(BLOCKS["FP4"].scheme, shape) == 4.5
    # 4 + 8 / 64 + 32 / (64 * 256), and one float32 for the mean of the matrix.
    exact = 4 + 8 / 64 + 32 / (64 * 256) + 32 / (768 * 3072)
    assert bits_per_weight(BLOCKS["NF4_DOUBLE"].scheme, shape) == pytest.approx(exact, abs=1e-12)
    assert round(exact, 3) == 4.127


def test_a_nested_scale_is_a_matrix_of_its_own_with_codes_scales_and_mean() -> None:
    scheme = bitsandbytes_scheme("nf4", 64, double=True)
    q = quantize(torch.from_numpy(REFERENCE["W"]), scheme)
    assert isinstance(q.scale, QTensor)
    assert q.scale.shape == (1, 96 * 256 // 64)
    assert isinstance(q.scale.scale, Tensor)
    assert q.scale.scale.shape == (1, 2)
    assert isinstance(q.scale.offset, Tensor)
    assert q.scale.offset.shape == (1, 1)
    largest = torch.from_numpy(REFERENCE["W"]).view(-1, 64).abs().amax(1)
    assert float(q.scale.offset) == pytest.approx(float(largest.mean()), rel=1e-6)
    torch.testing.assert_close(q.scales()[0], largest, rtol=0, atol=float(largest.max() / 20))
