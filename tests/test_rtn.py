"""Round to nearest against torch's own fake quantization, against its definition, and on every edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

from quant.errors import SchemeError, WeightError
from quant.formats import FORMATS
from quant.methods import METHODS
from quant.methods.rtn import quantize
from quant.qtensor import QTensor
from quant.scheme import Granularity, PerChannel, PerGroup, PerTensor, Scheme

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


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("zero_point", [False, True], ids=["absmax", "minmax"])
@pytest.mark.parametrize("granularity", GRANULARITIES, ids=str)
@pytest.mark.parametrize("name", INPUTS)
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
    assert caught.value.text.en.endswith("does not fit in float16 (largest 65\u202f504); use bfloat16 or float32.")


def test_what_is_too_small_for_its_scale_decodes_to_zeros() -> None:
    q = quantize(torch.full((2, 16), 1e-8), Scheme.integer(4, PerTensor()))
    assert (float(q.scale), float(q.dequantize().abs().max())) == (0.0, 0.0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_and_counted(bad: float) -> None:
    weight = gaussian()
    weight[3, 5] = weight[7, 0] = bad
    with pytest.raises(WeightError) as caught:
        quantize(weight, Scheme.integer(4, PerChannel()))
    assert caught.value.text.es.startswith("2 pesos no son finitos")
    assert caught.value.text.en.startswith("2 weights are not finite")


@pytest.mark.parametrize("shape", [(16,), (2, 4, 16), (0, 16), (16, 0), ()])
def test_only_a_matrix_can_be_quantized(shape: tuple[int, ...]) -> None:
    with pytest.raises(WeightError) as caught:
        quantize(torch.zeros(shape), Scheme.integer(4, PerTensor()))
    assert f"dimensiones {shape}" in caught.value.text.es
    assert f"shape {shape}" in caught.value.text.en


def test_a_group_that_does_not_divide_is_refused() -> None:
    with pytest.raises(SchemeError, match="A group of 64 does not divide the 96 inputs"):
        quantize(gaussian(), Scheme.integer(4, PerGroup(64)))


@pytest.mark.parametrize("granularity", GRANULARITIES, ids=str)
@pytest.mark.parametrize("zero_point", [False, True])
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


@pytest.mark.parametrize("shape", [(1, 32), (32, 1), (1, 1)])
@pytest.mark.parametrize("granularity", [PerTensor(), PerChannel()], ids=str)
@pytest.mark.parametrize("zero_point", [False, True])
def test_a_single_row_or_column_is_a_matrix(shape: tuple[int, int], granularity: Granularity, zero_point: bool) -> None:
    weight = torch.randn(*shape, generator=torch.Generator().manual_seed(2))
    q = quantize(weight, Scheme.integer(8, granularity, zero_point=zero_point, scale=FORMATS["float32"]))
    assert torch.equal(q.dequantize(), reference(weight, 8, granularity, zero_point, "float32"))
    assert float((q.dequantize() - weight).abs().max()) <= 0.51 * float(q.scale.max())


@pytest.mark.parametrize("granularity", GRANULARITIES, ids=str)
@pytest.mark.parametrize("zero_point", [False, True], ids=["absmax", "minmax"])
def test_the_error_falls_as_bits_rise(granularity: Granularity, zero_point: bool) -> None:
    def error(bits: int) -> float:
        q = quantize(gaussian(), Scheme.integer(bits, granularity, zero_point=zero_point))
        return float((q.dequantize() - gaussian()).square().mean())

    errors = [error(bits) for bits in range(2, 9)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < errors[0] / 1000  # each bit is worth about 6 dB: a factor of 4


@pytest.mark.parametrize("zero_point", [False, True], ids=["absmax", "minmax"])
def test_the_error_falls_as_groups_shrink(zero_point: bool) -> None:
    def error(granularity: Granularity) -> float:
        scheme = Scheme.integer(4, granularity, zero_point=zero_point, scale=FORMATS["float32"])
        return float((quantize(heavy_tailed(), scheme).dequantize() - heavy_tailed()).square().mean())

    assert error(PerGroup(16)) < error(PerChannel()) < error(PerTensor())


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("zero_point", [False, True], ids=["absmax", "minmax"])
@pytest.mark.parametrize("name", ["gaussian", "heavy tailed", "all positive", "all negative", "zero rows"])
def test_zero_is_exact(name: str, zero_point: bool, bits: int) -> None:
    weight = INPUTS[name].clone()
    weight[:, ::7] = 0
    q = quantize(weight, Scheme.integer(bits, PerChannel(), zero_point=zero_point))
    assert float(q.dequantize()[weight == 0].abs().max()) == 0


@pytest.mark.parametrize("bits", range(2, 9))
def test_absmax_never_uses_the_lowest_code(bits: int) -> None:
    q = quantize(heavy_tailed(), Scheme.integer(bits, PerGroup(16)))
    assert float(q.scheme.element.decode(q.codes).min()) == -q.scheme.element.highest
    assert int((q.codes == 2 ** (bits - 1)).sum()) == 0


def test_the_method_of_that_name_is_this_one() -> None:
    assert METHODS["rtn"].run is quantize
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


def grid_of(q: QTensor, row: int, group: int) -> Tensor:
    """Every value, float64 and rising, that the weights of one group may take."""
    lowest, highest = q.scheme.element.lowest, q.scheme.element.highest
    if q.zero is None:
        lowest = -highest
    zero = 0 if q.zero is None else int(q.zero[row, group])
    return (torch.arange(lowest, highest + 1).double() - zero) * q.scale[row, group].double()


@given(MATRICES, ANY_SCHEME)
def test_each_weight_goes_to_the_nearest_value_of_its_grid(values: np.ndarray, scheme: Scheme) -> None:
    weight = torch.from_numpy(values)
    q = quantize(weight, scheme)
    rows, groups, size = scheme.granularity.groups(q.shape)
    before, after = weight.double().view(rows, groups, size), q.dequantize().double().view(rows, groups, size)
    for row in range(rows):
        for group in range(groups):
            distances = (before[row, group, :, None] - grid_of(q, row, group)).abs().amin(1)
            # Half way between two values the float32 arithmetic may take either: a little more than the least.
            slack = 1e-4 * float(q.scale[row, group])
            assert bool(((before[row, group] - after[row, group]).abs() <= distances + slack).all())


@given(MATRICES, ANY_SCHEME)
def test_the_grid_reaches_both_ends_of_its_group(values: np.ndarray, scheme: Scheme) -> None:
    weight = torch.from_numpy(values)
    q = quantize(weight, scheme)
    rows, groups, size = scheme.granularity.groups(q.shape)
    error = (weight - q.dequantize()).abs().view(rows, groups, size).amax(-1)
    # A rounded zero point moves an end by half a step; a rounded scale (2**-9 in bfloat16) by 255 times that of one.
    assert bool((error <= q.scale * (1.01 + 255 * 2**-9)).all())


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
        assume(bool((spans | (once.scale[:, 0] == 0)).all()))
    twice = quantize(once.dequantize(), scheme)
    assert torch.equal(twice.codes, once.codes)
    torch.testing.assert_close(twice.dequantize(), once.dequantize(), rtol=1e-6, atol=0)
