"""Round to nearest against torch's own fake quantization, against its definition, and on every edge.

The block formats are defined anew here, in numpy and ml_dtypes, from the OCP specification and NVIDIA's paper; ggml's
and bitsandbytes' have golden bytes (test_golden.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from cases import each
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrices import CASTS
from torch import Tensor

from quant.blocks import BLOCKS
from quant.errors import SchemeError, WeightError
from quant.formats import FORMATS, exmy
from quant.methods import METHODS
from quant.methods.rtn import quantize
from quant.packing import bits_per_weight
from quant.qtensor import QTensor, group
from quant.scheme import CodesFrom, Flat, Granularity, Grid, Offset, PerChannel, PerGroup, PerTensor, Scheme

GRANULARITIES: list[Granularity] = [PerTensor(), PerChannel(), PerGroup(32)]
SCALES = ["float32", "float16", "bfloat16"]
SHAPE = (12, 96)


def gaussian() -> Tensor:
    return torch.randn(*SHAPE, generator=torch.Generator().manual_seed(0)) * 0.02


def heavy_tailed() -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(*SHAPE, generator=random) / torch.rand(*SHAPE, generator=random).clamp(min=1e-3)


def with_zero_rows() -> Tensor:
    weight = gaussian()
    weight[::3] = 0
    weight[1, :32] = 0
    return weight


def half_way() -> Tensor:
    """Rows of values half way between two steps of their absmax grid at some number of bits: where rounding is hard."""
    random = torch.Generator().manual_seed(2)
    largest = torch.rand(SHAPE[0], 1, generator=random) + 0.5
    highest = 2 ** torch.randint(1, 8, SHAPE, generator=random) - 1
    weight = (torch.rand(SHAPE, generator=random) * highest).floor() + 0.5
    weight = torch.where(weight < highest, weight, 0.5) * (largest / highest)
    weight[:, :1] = largest
    return weight


INPUTS: dict[str, Tensor] = {
    "gaussian": gaussian(),
    "heavy tailed": heavy_tailed(),
    "all positive": gaussian().abs() + 0.3,
    "all negative": -gaussian().abs() - 0.3,
    "constant": torch.full(SHAPE, 0.37),
    "zeros": torch.zeros(SHAPE),
    "zero rows": with_zero_rows(),
    "half way": half_way(),
    "subnormal scales": gaussian() * 2e-4,
    "tiny": gaussian() * 1e-8,
    "tinier": gaussian() * 1e-38,
    "large": gaussian() * 1e5 / 0.02,
}


def reference(weight: Tensor, bits: int, granularity: Granularity, zero_point: bool, scale_name: str) -> Tensor | None:
    """The decoded matrix by `torch.fake_quantize_per_channel_affine`; None where a scale overflows its format."""
    rows, groups, size = granularity.groups((weight.shape[0], weight.shape[1]))
    grouped = weight.reshape(rows * groups, size)
    if zero_point:
        lowest, highest = 0, 2**bits - 1
        bottom, top = grouped.amin(1).clamp(max=0), grouped.amax(1).clamp(min=0)
        exact = (top - bottom) / highest
    else:
        lowest, highest = -(2 ** (bits - 1) - 1), 2 ** (bits - 1) - 1
        bottom, exact = torch.zeros(rows * groups), grouped.abs().amax(1) / highest
    scale = exact.to(getattr(torch, scale_name)).float()
    if scale.isinf().any():
        return None
    empty = (1 / scale).isinf()  # torch is undefined there; the group decodes to zeros
    usable = torch.where(empty, 1.0, scale)
    zero = torch.round(-bottom / usable).clamp(0, highest).int() if zero_point else torch.zeros(rows * groups).int()
    rounded = torch.fake_quantize_per_channel_affine(grouped, usable, zero, 0, lowest, highest)
    return torch.where(empty[:, None], 0.0, rounded).reshape(weight.shape)


@each("bits", range(2, 9))
@each("scale", SCALES)
@each("zero_point", [False, True])
@each("granularity", GRANULARITIES)
@each("name", INPUTS)
def test_equals_torch(name: str, granularity: Granularity, zero_point: bool, scale: str, bits: int) -> None:
    scheme = Scheme.integer(bits, granularity, zero_point=zero_point, scale=FORMATS[scale])
    expected = reference(INPUTS[name], bits, granularity, zero_point, scale)
    if expected is None:
        with pytest.raises(SchemeError, match=f"does not fit in {scale}"):
            quantize(INPUTS[name], scheme)
    else:
        assert torch.equal(quantize(INPUTS[name], scheme).dequantize(), expected)


def test_a_scale_that_overflows_is_refused_with_what_would_hold_it() -> None:
    with pytest.raises(SchemeError) as caught:
        quantize(torch.full((2, 16), 1e5), Scheme.integer(2, PerTensor()))
    assert caught.value.text.es.startswith("La escala 100")
    assert caught.value.text.es.endswith("no cabe en float16 (máximo 65\u202f504); usa bfloat16 o float32.")
    assert caught.value.text.en.endswith("does not fit in float16 (largest 65,504); use bfloat16 or float32.")


@each("scheme", [*CASTS, Scheme(FORMATS["int8"], PerGroup(32), scale=exmy(8, 7))])
def test_what_is_decoded_is_float32(scheme: Scheme) -> None:
    """E8M7 without infinity too, as codes and as scales: its own numbers reach beyond float32."""
    q = quantize(gaussian(), scheme)
    assert q.dequantize().dtype is q.scales().dtype is torch.float32
    assert float((q.dequantize() - gaussian()).abs().max()) < 0.1


def test_what_is_too_small_for_its_scale_decodes_to_zeros() -> None:
    q = quantize(torch.full((2, 16), 1e-8), Scheme.integer(4, PerTensor()))
    assert (float(q.scales()), float(q.dequantize().abs().max())) == (0.0, 0.0)


@each("bad", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_and_counted(bad: float) -> None:
    weight = gaussian()
    weight[3, 5] = weight[7, 0] = bad
    with pytest.raises(WeightError) as caught:
        quantize(weight, Scheme.integer(4, PerChannel()))
    assert caught.value.text.es.startswith("2 pesos no son finitos")
    assert caught.value.text.en.startswith("2 weights are not finite")


@each("shape", [(16,), (2, 4, 16), (0, 16), (16, 0), ()])
def test_only_a_matrix_can_be_quantized(shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightError) as caught:
        quantize(torch.zeros(shape), Scheme.integer(4, PerTensor()))
    assert f"dimensiones {shape}" in caught.value.text.es
    assert f"shape {shape}" in caught.value.text.en


def test_a_group_that_does_not_divide_is_refused() -> None:
    with pytest.raises(SchemeError, match="A group of 64 does not divide the 96 inputs"):
        quantize(gaussian(), Scheme.integer(4, PerGroup(64)))


@each("granularity", GRANULARITIES)
@each("zero_point", [False, True])
def test_the_layout_in_memory_does_not_matter(granularity: Granularity, zero_point: bool) -> None:
    scheme = Scheme.integer(4, granularity, zero_point=zero_point)
    weight = gaussian()
    turned = weight.T.contiguous().T
    assert not turned.is_contiguous()
    assert torch.equal(quantize(turned, scheme).dequantize(), quantize(weight, scheme).dequantize())


def test_the_input_is_left_as_it_was() -> None:
    weight = gaussian()
    quantize(weight, Scheme.integer(2, PerTensor()))
    assert torch.equal(weight, gaussian())


def test_half_precision_weights_are_quantized_as_float32() -> None:
    scheme = Scheme.integer(4, PerChannel())
    assert torch.equal(
        quantize(gaussian().half(), scheme).dequantize(), quantize(gaussian().half().float(), scheme).dequantize()
    )


@each("shape", [(1, 32), (32, 1), (1, 1)])
@each("granularity", [PerTensor(), PerChannel()])
@each("zero_point", [False, True])
def test_a_single_row_or_column_is_a_matrix(shape: tuple[int, int], granularity: Granularity, zero_point: bool) -> None:
    weight = torch.randn(*shape, generator=torch.Generator().manual_seed(2))
    q = quantize(weight, Scheme.integer(8, granularity, zero_point=zero_point, scale=FORMATS["float32"]))
    expected = reference(weight, 8, granularity, zero_point, "float32")
    assert expected is not None
    assert torch.equal(q.dequantize(), expected)
    assert float((q.dequantize() - weight).abs().max()) <= 0.51 * float(q.scales().max())


@each("granularity", GRANULARITIES)
@each("zero_point", [False, True])
def test_the_error_falls_as_bits_rise(granularity: Granularity, zero_point: bool) -> None:
    def error(bits: int) -> float:
        q = quantize(gaussian(), Scheme.integer(bits, granularity, zero_point=zero_point))
        return float((q.dequantize() - gaussian()).square().mean())

    errors = [error(bits) for bits in range(2, 9)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 1000  # each bit is worth about 6 dB: a factor of 4


@each("zero_point", [False, True])
def test_the_error_falls_as_groups_shrink(zero_point: bool) -> None:
    def error(granularity: Granularity) -> float:
        scheme = Scheme.integer(4, granularity, zero_point=zero_point, scale=FORMATS["float32"])
        return float((quantize(heavy_tailed(), scheme).dequantize() - heavy_tailed()).square().mean())

    assert error(PerGroup(16)) < error(PerChannel()) < error(PerTensor())


@each("bits", range(2, 9))
@each("zero_point", [False, True])
@each("name", ["gaussian", "heavy tailed", "all positive", "all negative", "zero rows"])
def test_zero_is_exact(name: str, zero_point: bool, bits: int) -> None:
    weight = INPUTS[name].clone()
    weight[:, ::7] = 0
    q = quantize(weight, Scheme.integer(bits, PerChannel(), zero_point=zero_point))
    assert float(q.dequantize()[weight == 0].abs().max()) == 0


@each("bits", range(2, 9))
def test_absmax_never_uses_the_lowest_code(bits: int) -> None:
    q = quantize(heavy_tailed(), Scheme.integer(bits, PerGroup(16)))
    assert float(q.scheme.element.decode(q.codes).min()) == -q.scheme.element.highest
    assert int((q.codes == 2 ** (bits - 1)).sum()) == 0


def test_the_method_of_that_name_is_this_one() -> None:
    weight, scheme = torch.randn(4, 32, generator=torch.Generator().manual_seed(0)), Scheme.integer(4, PerGroup(16))
    made = METHODS["rtn"].quantize(weight, scheme)
    assert torch.equal(made.q.codes, quantize(weight, scheme).codes)
    assert not made.beside
    assert METHODS["rtn"].summary.es != METHODS["rtn"].summary.en


# Magnitudes from 2**-10 to 2**10, and zero: no scale underflows or overflows, in float16 least of all.
WEIGHTS = st.one_of(st.just(0.0), st.floats(2**-10, 2**10, width=32), st.floats(-(2**10), -(2**-10), width=32))
MATRICES: Any = st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(
    lambda shape: hnp.arrays(np.float32, (shape[0], 16 * shape[1]), elements=WEIGHTS)
)
ANY_SCHEME = st.builds(
    lambda bits, granularity, zero_point, scale: Scheme.integer(
        bits, granularity, zero_point=zero_point, scale=FORMATS[scale]
    ),
    st.integers(2, 8),
    st.sampled_from([PerTensor(), PerChannel(), PerGroup(16)]),
    st.booleans(),
    st.sampled_from(SCALES),
)


def grid_of(q: QTensor, row: int, run: int) -> Tensor:
    """Every value, float64 and rising, that the weights of one group may take."""
    lowest, highest = q.scheme.element.lowest, q.scheme.element.highest
    if q.zero is None:
        lowest = -highest
    zero = 0 if q.zero is None else int(q.zero[row, run])
    return (torch.arange(lowest, highest + 1).double() - zero) * q.scales()[row, run].double()


@given(MATRICES, ANY_SCHEME)
def test_each_weight_goes_to_the_nearest_value_of_its_grid(values: np.ndarray, scheme: Scheme) -> None:
    weight = torch.from_numpy(values)
    q = quantize(weight, scheme)
    rows, groups, size = scheme.granularity.groups(q.shape)
    before, after = weight.double().view(rows, groups, size), q.dequantize().double().view(rows, groups, size)
    for row in range(rows):
        for run in range(groups):
            distances = (before[row, run, :, None] - grid_of(q, row, run)).abs().amin(1)
            # Half way between two values the float32 arithmetic may take either: a little more than the least.
            slack = 1e-4 * float(q.scales()[row, run])
            assert bool(((before[row, run] - after[row, run]).abs() <= distances + slack).all())


@given(MATRICES, ANY_SCHEME)
def test_the_grid_reaches_both_ends_of_its_group(values: np.ndarray, scheme: Scheme) -> None:
    weight = torch.from_numpy(values)
    q = quantize(weight, scheme)
    rows, groups, size = scheme.granularity.groups(q.shape)
    error = (weight - q.dequantize()).abs().view(rows, groups, size).amax(-1)
    # A rounded zero point moves an end by half a step; a rounded scale (2**-9 in bfloat16) by 255 times that of one.
    assert bool((error <= q.scales() * (1.01 + 255 * 2**-9)).all())


@given(MATRICES, st.integers(2, 8), st.sampled_from(GRANULARITIES[:2]), st.sampled_from(SCALES))
def test_absmax_is_odd(values: np.ndarray, bits: int, granularity: Granularity, scale: str) -> None:
    scheme = Scheme.integer(bits, granularity, scale=FORMATS[scale])
    weight = torch.from_numpy(values)
    assert torch.equal(quantize(-weight, scheme).dequantize(), -quantize(weight, scheme).dequantize())


@given(MATRICES, st.integers(2, 8), st.sampled_from(["float16", "bfloat16"]))
def test_absmax_with_short_scales_leaves_its_own_output_alone(values: np.ndarray, bits: int, scale: str) -> None:
    # Scale times code is exact in float32 (at most 11 + 7 bits), so the second scale is the first one.
    scheme = Scheme.integer(bits, PerChannel(), scale=FORMATS[scale])
    once = quantize(torch.from_numpy(values), scheme).dequantize()
    assert torch.equal(quantize(once, scheme).dequantize(), once)


@given(MATRICES, st.integers(2, 8), st.booleans())
def test_with_float32_scales_its_own_output_keeps_its_codes(values: np.ndarray, bits: int, zero_point: bool) -> None:
    # Not bit for bit: (highest * scale) / highest may differ from the scale in the last place. And only where the codes
    # span the grid: when both ends lie half way between two steps, rounding to even leaves the outermost code unused.
    scheme = Scheme.integer(bits, PerChannel(), zero_point=zero_point, scale=FORMATS["float32"])
    once = quantize(torch.from_numpy(values), scheme)
    if once.zero is not None:
        spans = (once.codes.amax(1) == 2**bits - 1) & (once.codes.amin(1) == 0)
        assume(bool((spans | (once.scales()[:, 0] == 0)).all()))
    twice = quantize(once.dequantize(), scheme)
    assert torch.equal(twice.codes, once.codes)
    torch.testing.assert_close(twice.dequantize(), once.dequantize(), rtol=1e-6, atol=0)


ROUNDED = [name for name, block in BLOCKS.items() if not block.searched]
BLOCK_INPUTS = ["gaussian", "heavy tailed", "all positive", "constant", "zeros", "zero rows", "tiny", "tinier", "large"]
MX = {
    "MXFP8_E4M3": (ml_dtypes.float8_e4m3fn, 8), "MXFP8_E5M2": (ml_dtypes.float8_e5m2, 15),
    "MXFP6_E2M3": (ml_dtypes.float6_e2m3fn, 2), "MXFP6_E3M2": (ml_dtypes.float6_e3m2fn, 4),
    "MXFP4": (ml_dtypes.float4_e2m1fn, 2),
}  # fmt: skip


def wide(name: str) -> Tensor:
    """An input of `INPUTS` in rows of 512, whole blocks of every format, with the edges of a binade here and there."""
    weight = INPUTS[name].flatten().repeat(4)[: 8 * 512].view(8, 512).clone()
    largest = float(weight.abs().max())
    if largest:
        power = 2.0 ** np.floor(np.log2(largest))
        for row, edge in enumerate((1.0, 1.75, 1.9999999, 1.75 + 2**-20)):
            weight[row, 32 * row : 32 * row + 32] *= min(edge * power / largest, 1.0)
            weight[row, 32 * row] = edge * power
    return weight


def microscaling(weight: np.ndarray, element: type, top_exponent: int) -> np.ndarray:
    """OCP MX 1.0, 6.3: X = 2**(floor(log2 max|V|) - emax), P = V / X rounded to the element and saturated."""
    blocks = weight.reshape(-1, 32).astype(np.float64)
    largest = np.abs(blocks).max(1)
    exponent = (largest.view(np.uint64) >> np.uint64(52)).astype(np.int64) - 1023 - top_exponent
    scale = 2.0 ** np.clip(exponent, -127, 127)[:, None].astype(np.float64)
    highest = float(ml_dtypes.finfo(element).max)
    rounded = np.clip(blocks / scale, -highest, highest).astype(np.float32).astype(element).astype(np.float64)
    return (rounded * scale).astype(np.float32).reshape(weight.shape)


@each("name", BLOCK_INPUTS)
@each("block", MX)
def test_microscaling_is_that_of_the_ocp_specification(block: str, name: str) -> None:
    got = quantize(wide(name), BLOCKS[block].scheme).dequantize().numpy()
    assert np.array_equal(got, microscaling(wide(name).numpy(), *MX[block]))


@each("name", BLOCK_INPUTS)
def test_ggmls_mxfp4_differs_from_ocps_in_ties_alone_but_just_below_a_power_of_two(name: str) -> None:
    ocp, ggml = (quantize(wide(name), BLOCKS[b].scheme) for b in ("MXFP4", "MXFP4_GGML"))
    below = (group(wide(name), PerGroup(32)).abs().amax(-1).view(torch.int32) & 0x7FFFFF) > 2**23 - 64
    assert torch.equal(ocp.scales()[~below], ggml.scales()[~below])
    scaled = group(wide(name), PerGroup(32)) / ocp.scales().unsqueeze(-1)
    tie = torch.isin(scaled.abs(), torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])) | below.unsqueeze(-1)
    tie = tie.view(8, 512)
    assert torch.equal(ocp.dequantize()[~tie], ggml.dequantize()[~tie])


def below_at_and_above_powers_of_two() -> Tensor:
    """Rows of 32 whose largest is, for every exponent of float32, 1 to 64 steps below a power of two, it, or above."""
    power = (torch.arange(2, 254) << 23).view(-1, 1)
    largest = (power + torch.tensor([-64, -45, -44, -12, -11, -5, -2, -1, 0, 1, 2, 64])).int().view(torch.float32)
    return largest.view(-1, 1) * torch.linspace(-1, 1, 33)[1:]


@each("block", MX)
def test_the_scale_of_microscaling_is_the_specifications_beside_every_power_of_two(block: str) -> None:
    weight = below_at_and_above_powers_of_two()
    got = quantize(weight, BLOCKS[block].scheme)
    assert np.array_equal(got.dequantize().numpy(), microscaling(weight.numpy(), *MX[block]))
    exponent = torch.frexp(weight.abs().amax(1)).exponent - 1 - MX[block][1]
    assert torch.equal(got.scales()[:, 0], torch.ldexp(torch.ones(len(weight)), exponent.clamp(min=-127)))


def test_the_scale_of_ggmls_mxfp4_is_that_of_a_float32_logarithm() -> None:
    weight = below_at_and_above_powers_of_two()
    largest = weight.abs().amax(1).double().numpy()
    exponent = np.floor(np.log2(largest).astype(np.float32)) - 2
    assert 500 < int((exponent != np.floor(np.log2(largest)) - 2).sum()) < len(weight) / 2
    got = quantize(weight, BLOCKS["MXFP4_GGML"].scheme).scales()[:, 0]
    assert np.array_equal(got.numpy(), np.exp2(np.clip(exponent, -127, 127)).astype(np.float32))


def test_mxfp4_ties_go_to_even_and_in_ggml_to_the_lower_code() -> None:
    weight = torch.zeros(1, 32)
    weight[0, :8] = torch.tensor([6.0, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])
    weight[0, 8:16] = -weight[0, :8]
    for name, magnitudes in (("MXFP4", [6, 0, 1, 1, 2, 2, 4, 4]), ("MXFP4_GGML", [6, 0, 0.5, 1, 1.5, 2, 3, 4])):
        got = quantize(weight, BLOCKS[name].scheme).dequantize()[0]
        assert got[:8].tolist() == magnitudes
        assert got[8:16].tolist() == [-m for m in magnitudes]


def test_microscales_stop_at_the_ends_of_e8m0() -> None:
    largest = torch.finfo(torch.float32).max
    weight = torch.stack([torch.full((32,), largest), torch.full((32,), 2.0**-149)])
    scale = quantize(weight, BLOCKS["MXFP4"].scheme).scale
    assert isinstance(scale, Tensor)
    assert scale.tolist() == [[2.0**125], [2.0**-127]]


def nvidia(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """(codes' values, block scales as E4M3 values, global scale), arXiv:2509.25149, appendix C, in float32."""
    blocks = weight.reshape(-1, 16)
    one = np.float32(1)
    encode = np.float32(6 * 448) / np.abs(weight).max()
    decode = one / encode
    scales = (np.abs(blocks).max(1) / np.float32(6) * encode).clip(0, 448).astype(ml_dtypes.float8_e4m3fn)
    kept = scales.astype(np.float32)
    with np.errstate(divide="ignore"):
        inverse = np.where(kept > 0, one / (kept * decode), 0).astype(np.float32)
    values = (blocks * inverse[:, None]).clip(-6, 6).astype(ml_dtypes.float4_e2m1fn).astype(np.float32)
    return values.reshape(weight.shape), kept, decode


@each("name", ["gaussian", "heavy tailed", "all positive", "zero rows", "tiny", "large"])
def test_nvfp4_is_that_of_nvidias_paper(name: str) -> None:
    weight = INPUTS[name].flatten().repeat(4)[: 8 * 512].view(8, 512)
    q = quantize(weight, BLOCKS["NVFP4"].scheme)
    values, scales, decode = nvidia(weight.numpy())
    assert isinstance(q.scale, QTensor)
    assert isinstance(q.scale.scale, Tensor)
    # The order of the float32 divisions is free: an ulp of the global scale.
    assert float(q.scale.scale) == pytest.approx(float(decode), rel=2.5e-7)
    assert float(q.scale.scale) == pytest.approx(float(weight.abs().max()) / (6 * 448), rel=2.5e-7)
    assert q.scale.codes.view(-1).tolist() == scales.astype(ml_dtypes.float8_e4m3fn).view(np.uint8).tolist()
    assert np.array_equal(q.scheme.element.decode(q.codes).numpy(), values)
    expected = values.reshape(-1, 16) * (scales * decode)[:, None]
    np.testing.assert_allclose(q.dequantize().numpy().reshape(-1, 16), expected, rtol=5e-7, atol=0)


def test_the_largest_weight_of_nvfp4_is_exact_to_float32() -> None:
    weight = heavy_tailed()
    largest = int(weight.abs().argmax())
    got = quantize(weight, BLOCKS["NVFP4"].scheme).dequantize()
    assert float(got.view(-1)[largest]) == pytest.approx(float(weight.view(-1)[largest]), rel=5e-7)


@each("name", BLOCK_INPUTS)
@each("element", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"])
def test_a_plain_cast_is_torchs_but_saturates(element: str, name: str) -> None:
    scheme = Scheme(FORMATS[element], PerTensor(), Grid.UNIT, None)
    q, dtype = quantize(wide(name), scheme), getattr(torch, element)
    assert q.scale is q.zero is q.offset is None
    highest = torch.finfo(dtype).max
    assert torch.equal(q.dequantize(), wide(name).clamp(-highest, highest).to(dtype).float())
    assert q.codes.dtype == (torch.int64 if FORMATS[element].code_bits == 16 else torch.uint8)
    assert torch.equal(q.scales(), torch.ones(1, 1))


@each("element", ["float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn", "float8_e3m4"])
def test_a_cast_that_torch_lacks_is_that_of_ml_dtypes(element: str) -> None:
    highest = FORMATS[element].highest
    weight = heavy_tailed().clamp(-highest, highest)
    want = weight.numpy().astype(getattr(ml_dtypes, element)).astype(np.float32)
    got = quantize(weight, Scheme(FORMATS[element], PerChannel(), Grid.UNIT, None)).dequantize()
    assert np.array_equal(got.numpy(), want)
    beyond = quantize(weight * 0 + 1e30, Scheme(FORMATS[element], PerChannel(), Grid.UNIT, None)).dequantize()
    assert bool((beyond == highest).all())


@pytest.fixture(scope="module")
def million() -> Tensor:
    return torch.randn(1024, 1024, generator=torch.Generator().manual_seed(20261123))


@each(
    "name, decibels, bits",
    [("Q8_0", 45.4, 8.5), ("Q4_0", 21.3, 4.5), ("NF4", 20.7, 4.5), ("NVFP4", 20.5, 4.5), ("MXFP4", 18.9, 4.25)],
)
def test_gaussian_weights_lose_the_known_decibels(million: Tensor, name: str, decibels: float, bits: float) -> None:
    error = quantize(million, BLOCKS[name].scheme).dequantize() - million
    measured = 10 * float(torch.log10(million.double().square().sum() / error.double().square().sum()))
    assert measured == pytest.approx(decibels, abs=0.2)
    assert bits_per_weight(BLOCKS[name].scheme, (1024, 1024)) == pytest.approx(bits, abs=1e-4)


@each("name", ROUNDED)
def test_zeros_stay_zeros_in_every_block_format(name: str) -> None:
    assert not quantize(torch.zeros(3, 512), BLOCKS[name].scheme).dequantize().any()
    weight = gaussian().view(-1, 128).repeat(1, 4)[:4]  # 4 x 512
    weight[1] = 0
    weight[2, 256:] = 0
    got = quantize(weight, BLOCKS[name].scheme).dequantize()
    assert not got[1].any()
    assert not got[2, 256:].any()
    assert got[0].any()
    assert bool(got.isfinite().all())


# What rounding the scale (to float16, to E4M3), or saturating below the next binade (MX), may take from a constant.
CONSTANT_ERROR = {
    "MXFP4": 1 / 4, "MXFP4_GGML": 1 / 4, "MXFP6_E2M3": 1 / 16, "MXFP6_E3M2": 1 / 8, "MXFP8_E4M3": 1 / 8,
    "MXFP8_E5M2": 1 / 8, "NVFP4_GGML": 1 / 16, "NVFP4": 5e-7, "NF4": 0.0, "FP4": 0.0, "NF4_DOUBLE": 5e-7,
}  # fmt: skip


@each("constant", [0.37, -0.37, 1.0, -7.9, 63.9])
@each("name", ROUNDED)
def test_a_constant_stays_one_and_nearly_the_same(name: str, constant: float) -> None:
    weight = torch.full((3, 512), constant)
    got = quantize(weight, BLOCKS[name].scheme).dequantize()
    assert len(got.unique()) == 1
    bound = CONSTANT_ERROR.get(name, 2**-11 * 1.01)
    assert float((got - weight).abs().max()) <= bound * abs(constant)


@each("bad", [float("nan"), float("inf"), float("-inf")])
@each("name", ROUNDED)
def test_no_block_format_takes_what_is_not_finite(name: str, bad: float) -> None:
    weight = torch.ones(2, 512)
    weight[1, 300] = bad
    with pytest.raises(WeightError, match="1 weights are not finite"):
        quantize(weight, BLOCKS[name].scheme)
    with pytest.raises(WeightError):
        quantize(weight, Scheme(FORMATS["bfloat16"], PerTensor(), Grid.UNIT, None))


@each("shift", [None, Offset(FORMATS["float16"])])
def test_a_grid_to_be_searched_for_is_refused(shift: Offset | None) -> None:
    scheme = Scheme(FORMATS["uint4"], PerGroup(32), Grid.SEARCH, FORMATS["float16"], shift)
    with pytest.raises(SchemeError) as caught:
        quantize(gaussian(), scheme)
    assert caught.value.text.es == "SEARCH busca sus escalas: no se obtiene por simple redondeo."
    assert caught.value.text.en == "SEARCH searches for its scales: plain rounding does not give it."


@each("name", [n for n in ROUNDED if n not in ("NF4", "NF4_DOUBLE", "FP4")])
def test_a_row_that_blocks_do_not_fill_is_refused(name: str) -> None:
    with pytest.raises(SchemeError) as caught:
        quantize(torch.ones(2, 40), BLOCKS[name].scheme)
    assert caught.value.text.es.startswith(f"{name} guarda bloques de ")
    assert caught.value.text.es.endswith("la matriz tiene filas de 40, que no es múltiplo.")
    assert caught.value.text.en.endswith("the matrix has rows of 40, not a multiple.")


@each("name", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "TQ1_0", "TQ2_0"])
def test_a_block_scale_that_overflows_float16_is_refused(name: str) -> None:
    weight = torch.ones(1, 256)
    weight[0, 0] = 1e9
    with pytest.raises(SchemeError, match=r"does not fit in float16 \(largest 65.504\)"):
        quantize(weight, BLOCKS[name].scheme)


def test_signed_max_keeps_the_largest_exact_and_its_opposite_short() -> None:
    weight = torch.zeros(2, 32)
    weight[0, 3], weight[0, 9] = 1.0, -1.0
    weight[1, 3], weight[1, 9] = -1.0, 1.0
    q = quantize(weight, BLOCKS["Q4_0"].scheme)
    got = q.dequantize()
    assert got[0, [3, 9]].tolist() == [1.0, -0.875]  # of two equal ones the first is exact
    assert got[1, [3, 9]].tolist() == [-1.0, 0.875]
    assert isinstance(q.scale, Tensor)
    assert q.scale.tolist() == [[-0.125], [0.125]]


def halves(low: float, high: float, *ends: float) -> Tensor:
    """A row of 256 whose blocks hold `ends`, which make the scale 1, and numbers halfway between two integers."""
    middles = torch.arange(low, high) + 0.5
    rows = []
    for start in range(0, len(middles), 32 - len(ends)):
        part = middles[start : start + 32 - len(ends)]
        rows.append(torch.cat([torch.tensor(ends), part, torch.full((32 - len(ends) - len(part),), ends[0])]))
    return torch.stack((rows * 8)[:8] if len(rows) < 8 else rows[:8]).view(1, 256)


@each(
    "name, weight, expected",
    [
        # ggml: (int8_t)(x * id + 8.5f), at most 15; + 16.5f, at most 31; (uint8_t)((x - min) * id + 0.5f).
        ("Q4_0", halves(-8, 8, -8.0), lambda x: torch.floor(x + 0.5).clamp(max=7)),
        ("Q5_0", halves(-16, 15, -16.0), lambda x: torch.floor(x + 0.5).clamp(max=15)),
        ("Q4_1", halves(0, 15, 0.0, 15.0), lambda x: torch.floor(x + 0.5)),
        ("Q5_1", halves(0, 30, 0.0, 31.0), lambda x: torch.floor(x + 0.5)),
        # roundf and lroundf: away from zero.
        ("Q8_0", halves(-120, 120, 127.0), lambda x: torch.sign(x) * torch.floor(x.abs() + 0.5)),
        ("TQ1_0", halves(-1, 1, 1.0), lambda x: torch.sign(x) * torch.floor(x.abs() + 0.5)),
        ("TQ2_0", halves(-1, 1, 1.0), lambda x: torch.sign(x) * torch.floor(x.abs() + 0.5)),
    ],
)
def test_ties_go_where_ggmls_c_code_sends_them(name: str, weight: Tensor, expected: Callable[[Tensor], Tensor]) -> None:
    q = quantize(weight, BLOCKS[name].scheme)
    assert bool((q.scales() == 1).all())
    assert int(((weight - weight.trunc()).abs() == 0.5).sum()) > 8
    assert torch.equal(q.dequantize(), expected(weight))


@each("name, lowest, shift", [("Q4_0", -8, 8.5), ("Q5_0", -16, 16.5), ("Q4_1", 0, 0.5)])
def test_numbers_just_below_a_tie_go_up_where_ggmls_float32_sum_rounds_up(name: str, lowest: int, shift: float) -> None:
    ties = np.arange(max(lowest, -7), 6, dtype=np.float32) + np.float32(0.5)
    below = np.nextafter(ties, np.float32(-np.inf))
    weight = np.zeros((1, 32), dtype=np.float32)
    weight[0, 0], weight[0, 1], weight[0, 2 : 2 + len(below)] = lowest, 15 if name == "Q4_1" else 0, below
    codes = np.trunc(weight + np.float32(shift))  # a float32 sum
    got = quantize(torch.from_numpy(weight), BLOCKS[name].scheme).dequantize().numpy()
    assert np.array_equal(got, codes + lowest)
    assert (got[0, 2 : 2 + len(below)] > below).any()


def test_a_range_stores_its_minimum() -> None:
    weight = (torch.arange(32) / 31).view(1, 32) + 5
    q = quantize(weight, BLOCKS["Q4_1"].scheme)
    assert isinstance(q.offset, Tensor)
    assert float(q.offset) == 5.0
    assert (int(q.codes[0, 0]), int(q.codes[0, -1])) == (0, 15)
    assert q.zero is None


def test_a_bias_larger_than_the_weights_costs_a_range_nothing() -> None:
    # An offset need not contain 0, as a zero point must: the error is that of the spread alone.
    weight = gaussian()[:, :64].contiguous()
    scheme = Scheme(FORMATS["uint4"], PerGroup(32), Grid.RANGE, FORMATS["float32"], Offset(FORMATS["float32"]))
    with_zero = Scheme.integer(4, PerGroup(32), zero_point=True, scale=FORMATS["float32"])

    def error(scheme: Scheme) -> float:
        return float((quantize(weight + 4, scheme).dequantize() - (weight + 4)).abs().max())

    assert error(scheme) < 0.01 < 0.1 < error(with_zero)


def test_codes_may_come_from_the_scale_as_computed() -> None:
    weight = gaussian()
    stored = Scheme(FORMATS["int8"], PerGroup(32), Grid.ABSMAX, FORMATS["bfloat16"])
    computed = replace(stored, codes_from=CodesFrom.COMPUTED)
    a, b = quantize(weight, stored), quantize(weight, computed)
    assert torch.equal(a.scales(), b.scales())
    assert not torch.equal(a.codes, b.codes)
    grouped = group(weight, PerGroup(32))
    exact = grouped.abs().amax(-1, keepdim=True) / 127
    by_computed = torch.round(grouped * (1 / exact)).view(weight.shape)
    assert torch.equal(b.scheme.element.decode(b.codes), by_computed)
    # The stored scale, being what is multiplied by, leaves the smaller error.
    assert (a.dequantize() - weight).square().sum() < (b.dequantize() - weight).square().sum()


def test_runs_of_the_flat_matrix_cross_its_rows() -> None:
    weight = torch.arange(1.0, 31.0).view(3, 10)
    q = quantize(weight, Scheme(FORMATS["int8"], Flat(8), scale=FORMATS["float32"]))
    assert isinstance(q.scale, Tensor)
    assert torch.equal(q.scale[0], torch.tensor([8.0, 16.0, 24.0, 30.0]) / 127)
    assert q.shape == (3, 10)
    assert float((q.dequantize() - weight).abs().max()) <= 0.51 * 30 / 127


@each("element", ["float8_e4m3fn", "float6_e2m3fn", "float4_e2m1fn", "nf4", "iq4", "ternary"])
@each("granularity", GRANULARITIES)
def test_each_weight_goes_to_the_nearest_value_of_a_float_or_table(element: str, granularity: Granularity) -> None:
    weight = heavy_tailed()
    q = quantize(weight, Scheme(FORMATS[element], granularity, Grid.ABSMAX, FORMATS["float32"]))
    values = FORMATS[element].decode(torch.arange(2 ** FORMATS[element].code_bits)).double()
    grid = values[values.isfinite()] * q.scales().double().unsqueeze(-1)
    before, after = group(weight, granularity).double(), group(q.dequantize(), granularity).double()
    least = (before.unsqueeze(-1) - grid.unsqueeze(-2)).abs().amin(-1)
    assert bool(((before - after).abs() <= least + 1e-6 * before.abs()).all())


@given(MATRICES, st.sampled_from(["MXFP4", "MXFP6_E2M3", "MXFP8_E4M3", "NVFP4"]))
def test_each_weight_of_a_microscaled_format_goes_to_the_nearest_value(values: np.ndarray, name: str) -> None:
    scheme, weight = BLOCKS[name].scheme, torch.from_numpy(np.tile(values, (1, 2)))
    q = quantize(weight, scheme)
    numbers = scheme.element.decode(torch.arange(2**scheme.element.code_bits)).double()
    grid = numbers[numbers.isfinite()] * q.scales().double().unsqueeze(-1)
    before, after = group(weight, scheme.granularity).double(), group(q.dequantize(), scheme.granularity).double()
    least = (before.unsqueeze(-1) - grid.unsqueeze(-2)).abs().amin(-1)
    assert bool(((before - after).abs() <= least + 1e-6 * before.abs()).all())


@given(MATRICES, st.sampled_from([*MX, "MXFP4_GGML"]))
def test_a_microscaled_format_leaves_its_own_output_alone(values: np.ndarray, name: str) -> None:
    # The largest stays in its binade, saturated or not, and so the scale and all values stay.
    once = quantize(torch.from_numpy(np.tile(values, (1, 2))), BLOCKS[name].scheme).dequantize()
    assert torch.equal(quantize(once, BLOCKS[name].scheme).dequantize(), once)


@given(MATRICES, st.sampled_from(["MXFP4", "MXFP6_E3M2", "MXFP8_E4M3", "NVFP4", "Q8_0", "Q4_0", "MXFP4_GGML"]))
def test_symmetric_block_formats_are_odd(values: np.ndarray, name: str) -> None:
    weight = torch.from_numpy(np.tile(values, (1, 2)))
    there, back = (quantize(w, BLOCKS[name].scheme).dequantize() for w in (weight, -weight))
    assert torch.equal(there, -back)
