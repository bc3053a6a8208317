"""What the Pesos tab says about a matrix: nothing lost, nothing cut off, decibels that are decibels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from cases import each
from torch import Tensor

from quant.blocks import BLOCKS
from quant.errors import SchemeError, WeightError
from quant.evaluation.weights import BINS, Axis, code_occupancy, rounding_sample, weight_view
from quant.formats import FORMATS
from quant.methods import quantize
from quant.packing import Layout, bits_per_weight
from quant.qtensor import QTensor, group
from quant.scheme import Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme
from quant.weight import Beside, Outliers, QuantWeight

GRANULARITIES: list[Granularity] = [PerTensor(), PerChannel(), PerGroup(16)]
SCHEMES = [
    Scheme.integer(bits, granularity, zero_point=zero_point)
    for bits, granularity, zero_point in itertools.product((2, 4, 8), GRANULARITIES, (False, True))
]


def label(scheme: Scheme) -> str:
    return f"{scheme.element.name}-{scheme.granularity}"


def gaussian(scale: float = 0.02) -> Tensor:
    return torch.randn(48, 64, generator=torch.Generator().manual_seed(0)) * scale


def with_outlier() -> Tensor:
    weight = gaussian()
    weight[5, 7] = -3.0
    return weight


WEIGHTS = {
    "gaussian": gaussian(),
    "outlier": with_outlier(),
    "positive": gaussian().abs() + 1,
    "constant": torch.full((48, 64), 0.3),
    "negative constant": torch.full((48, 64), -7.0),
    "zeros": torch.zeros(48, 64),
    "tiny": gaussian(1e-6),
    "large": gaussian(1e4),
    "not contiguous": gaussian().T.contiguous().T,
}


@each("scheme", SCHEMES)
@each("name", WEIGHTS)
def test_every_weight_is_in_both_histograms(name: str, scheme: Scheme) -> None:
    view = weight_view(WEIGHTS[name], scheme)
    assert view.before.shape == view.after.shape == (BINS,)
    assert view.before.sum() == view.after.sum() == 48 * 64
    assert np.all(np.diff(view.edges) > 0)


@each("scheme", SCHEMES)
@each("name", WEIGHTS)
def test_the_edges_reach_past_every_value(name: str, scheme: Scheme) -> None:
    weight = WEIGHTS[name]
    view = weight_view(weight, scheme)
    decoded = quantize(weight, scheme).dequantize()
    for values in (weight, decoded):
        assert view.edges[0] < float(values.min())
        assert float(values.max()) < view.edges[-1]
    assert len(view.edges) == BINS + 1


@each("name", ["gaussian", "outlier", "positive", "large"])
def test_the_histogram_is_numpys(name: str) -> None:
    scheme = Scheme.integer(4, PerChannel())
    weight = WEIGHTS[name]
    view = weight_view(weight, scheme)
    for counts, values in ((view.before, weight), (view.after, quantize(weight, scheme).dequantize())):
        expected, _ = np.histogram(values.double().numpy(), view.edges)
        # A value within float32 of an edge may fall on either side of it.
        assert np.abs(np.cumsum(counts) - np.cumsum(expected)).max() <= 2


def test_an_outlier_has_a_bar_of_its_own() -> None:
    view = weight_view(with_outlier(), Scheme.integer(8, PerChannel()))
    assert view.before[0] == 1
    assert view.largest_weight == 3.0


@each("scheme", SCHEMES)
@each("name", WEIGHTS)
def test_occupancy_is_the_share_of_each_code(name: str, scheme: Scheme) -> None:
    view = weight_view(WEIGHTS[name], scheme)
    assert len(view.code_values) == len(view.occupancy) == scheme.levels == view.levels
    assert np.all(np.diff(view.code_values) == 1)
    assert view.occupancy.sum() == pytest.approx(1)
    q = quantize(WEIGHTS[name], scheme)
    values = scheme.element.decode(q.codes).numpy()
    for value, share in zip(view.code_values, view.occupancy, strict=True):
        assert share == pytest.approx((values == value).mean())


def test_occupancy_of_a_matrix_that_can_be_counted_by_eye() -> None:
    weight = torch.tensor([[1.0, -1.0, 0.0, 0.0]])
    values, shares = code_occupancy(quantize(weight, Scheme.integer(2, PerTensor())))
    assert values.tolist() == [-1, 0, 1]
    assert shares.tolist() == [0.25, 0.5, 0.25]


@each("scheme", SCHEMES)
@each("name", ["gaussian", "outlier", "positive", "large", "not contiguous"])
def test_the_error_is_that_of_float64(name: str, scheme: Scheme) -> None:
    weight = WEIGHTS[name].double().numpy()
    view = weight_view(WEIGHTS[name], scheme)
    error = quantize(WEIGHTS[name], scheme).dequantize().double().numpy() - weight
    assert view.sqnr_db == pytest.approx(10 * math.log10((weight**2).sum() / (error**2).sum()), abs=1e-3)
    assert view.largest_error == pytest.approx(np.abs(error).max(), rel=1e-5)
    assert view.largest_weight == pytest.approx(np.abs(weight).max())


def test_a_bit_is_worth_about_six_decibels() -> None:
    decibels = [weight_view(gaussian(), Scheme.integer(bits, PerTensor())).sqnr_db for bits in range(3, 9)]
    assert all(4.5 < b - a < 8 for a, b in itertools.pairwise(decibels))


@each("scheme", SCHEMES)
def test_zeros_have_no_error(scheme: Scheme) -> None:
    view = weight_view(torch.zeros(16, 32), scheme)
    assert (view.sqnr_db, view.largest_error, view.largest_weight) == (math.inf, 0.0, 0.0)


def test_a_matrix_lost_to_underflow_has_no_decibels() -> None:
    assert weight_view(gaussian(1e-9), Scheme.integer(8, PerTensor())).sqnr_db == pytest.approx(0)


@each("scheme", SCHEMES)
def test_bytes_are_exact(scheme: Scheme) -> None:
    view = weight_view(gaussian(), scheme)
    assert view.float_bytes == 4 * 48 * 64
    assert view.bits_per_weight == 8 * view.stored_bytes / (48 * 64)
    assert view.bits_per_weight == bits_per_weight(scheme, (48, 64))
    assert view.stored_bytes == len(Layout(scheme).pack(quantize(gaussian(), scheme)))


def test_the_weights_are_left_as_they_were() -> None:
    weight = gaussian()
    weight_view(weight, Scheme.integer(2, PerTensor()))
    assert torch.equal(weight, gaussian())


def test_what_quantize_refuses_is_refused() -> None:
    with pytest.raises(WeightError):
        weight_view(torch.full((4, 16), float("nan")), Scheme.integer(4, PerTensor()))
    with pytest.raises(SchemeError):
        weight_view(gaussian(), Scheme.integer(4, PerGroup(48)))


@each("scheme", SCHEMES)
def test_a_sample_shares_one_scale_and_lies_on_its_grid(scheme: Scheme) -> None:
    sample = rounding_sample(gaussian(), scheme)
    q = quantize(gaussian(), scheme)
    assert len(sample.original) == len(sample.rounded) == (16 if isinstance(scheme.granularity, PerGroup) else 32)
    assert sample.original.tolist() == gaussian()[0, : len(sample.original)].tolist()
    assert sample.rounded.tolist() == q.dequantize()[0, : len(sample.original)].tolist()
    assert sample.scale == float(q.scales()[0, 0])
    assert len(sample.grid) == scheme.levels
    assert np.all(np.diff(sample.grid) > 0)
    nearest = np.abs(sample.rounded[:, None] - sample.grid).min(axis=1)
    assert np.all(nearest < 1e-6)


def test_a_sample_is_as_long_as_asked_for_or_as_the_row() -> None:
    scheme = Scheme.integer(4, PerTensor(), scale=FORMATS["float32"])
    assert len(rounding_sample(gaussian(), scheme, 5).original) == 5
    assert len(rounding_sample(gaussian()[:, :3], scheme).original) == 3


CASTS = {
    name: Scheme(FORMATS[name], PerTensor(), Grid.UNIT, None)
    for name in ("float16", "bfloat16", "float8_e4m3fn", "float8_e5m2fnuz", "float8_e3m4", "float6_e3m2fn")
}
SCALED = {
    name: Scheme(FORMATS[name], PerGroup(32), Grid.ABSMAX, FORMATS["float16"])
    for name in ("float8_e4m3fn", "float8_e4m3fnuz", "float4_e2m1fn", "nf4", "fp4_bnb", "iq4", "ternary", "binary")
}
FORMAT_SCHEMES = CASTS | SCALED | {name: block.scheme for name, block in BLOCKS.items()}


def blocks_of(name: str) -> Tensor:
    """The weights `name` of `WEIGHTS` in rows of 256, whole blocks of every format."""
    return WEIGHTS[name].reshape(12, 256)


@each("format_name", FORMAT_SCHEMES)
@each("name", ["gaussian", "outlier", "zeros", "constant", "not contiguous"])
def test_occupancy_of_any_format_is_the_share_of_each_value(name: str, format_name: str) -> None:
    scheme = FORMAT_SCHEMES[format_name]
    q = quantize(blocks_of(name), scheme)
    values, shares = code_occupancy(q)
    assert np.all(np.diff(values) > 0)  # so that minus zero and zero are one
    assert shares.sum() == pytest.approx(1)
    decoded = scheme.element.decode(q.codes).double().numpy()
    assert set(np.unique(decoded)) <= set(values.tolist())
    for value, share in zip(values.tolist(), shares.tolist(), strict=True):
        assert share == pytest.approx((decoded == value).mean())
    if scheme.element.values is not None:
        assert len(values) == scheme.levels
    else:
        assert len(values) == len(np.unique(decoded))


def test_both_zeros_are_one_value_and_nan_is_none() -> None:
    scheme = SCALED["float8_e4m3fn"]
    codes = torch.tensor([[0x00, 0x80, 0x80, 0x38] * 8], dtype=torch.uint8)  # 0, -0, -0, 1
    values, shares = code_occupancy(QTensor(codes, torch.ones(1, 1), None, scheme))
    assert len(values) == 253
    assert not np.isnan(values).any()
    assert dict(zip(values.tolist(), shares.tolist(), strict=True))[0.0] == 0.75
    assert dict(zip(values.tolist(), shares.tolist(), strict=True))[1.0] == 0.25


def test_a_value_that_two_codes_share_is_counted_once() -> None:
    # bitsandbytes' FP4 has two patterns for plus zero, 0 and 8.
    codes = torch.tensor([[0, 8, 3, 3] * 8], dtype=torch.uint8)
    values, shares = code_occupancy(QTensor(codes, torch.ones(1, 1), None, SCALED["fp4_bnb"]))
    assert len(values) == 15
    assert (shares[values == 0].item(), shares[values == 1].item()) == (0.5, 0.5)


@each("format_name", FORMAT_SCHEMES)
def test_any_format_can_be_viewed(format_name: str) -> None:
    scheme = FORMAT_SCHEMES[format_name]
    weight = blocks_of("gaussian")
    view = weight_view(weight, scheme)
    q = quantize(weight, scheme)
    error = q.dequantize().double().numpy() - weight.double().numpy()
    assert view.before.sum() == view.after.sum() == 48 * 64
    assert view.sqnr_db == pytest.approx(10 * math.log10((weight.double() ** 2).sum() / (error**2).sum()), abs=1e-3)
    assert view.largest_error == pytest.approx(np.abs(error).max(), rel=1e-5)
    assert view.stored_bytes == len(Layout(scheme).pack(q)) == 48 * 64 * view.bits_per_weight / 8
    assert view.levels == scheme.levels
    assert view.used == len(np.unique(scheme.element.decode(q.codes)))
    assert view.occupancy.sum() <= 1 + 1e-9
    assert np.all(np.diff(view.code_values) > 0)


@each("format_name", FORMAT_SCHEMES)
def test_the_axis_is_an_integer_a_value_or_for_wide_casts_a_power_of_two(format_name: str) -> None:
    view, element = weight_view(blocks_of("gaussian"), FORMAT_SCHEMES[format_name]), FORMAT_SCHEMES[format_name].element
    if element.code_bits == 16:
        assert view.axis is Axis.EXPONENT
    else:
        assert view.axis is (Axis.INTEGER if element.name.lstrip("u").startswith("int") else Axis.VALUE)


def test_wide_casts_are_counted_by_power_of_two() -> None:
    weight = torch.tensor([[0.0, 0.5, 0.75, -0.75, 1.0, 1.5, -4.0, 7.9]])
    view = weight_view(weight, CASTS["bfloat16"])
    assert view.code_values.tolist() == [-1, 0, 1, 2]
    assert view.occupancy.tolist() == [0.375, 0.25, 0.0, 0.25]  # the zero has no exponent
    assert view.used == 8  # 0.75 and -0.75 are two
    assert weight_view(torch.zeros(2, 2), CASTS["float16"]).occupancy.tolist() == [0.0]


@each("format_name", FORMAT_SCHEMES)
@each("name", ["gaussian", "outlier", "positive", "zeros"])
def test_a_sample_of_any_format_lies_on_its_grid(name: str, format_name: str) -> None:
    scheme, weight = FORMAT_SCHEMES[format_name], blocks_of(name)
    sample = rounding_sample(weight, scheme)
    q = quantize(weight, scheme)
    size = min(32, scheme.groups((12, 256))[2])
    assert sample.original.tolist() == weight[0, :size].tolist()
    assert sample.rounded.tolist() == q.dequantize()[0, :size].tolist()
    assert sample.scale == float(q.scales()[0, 0])
    assert np.all(np.diff(sample.grid) >= 0)
    distance = np.abs(sample.rounded[:, None].astype(np.float64) - sample.grid).min(1)
    assert np.all(distance <= 2e-7 * np.abs(sample.grid).max())
    assert sample.scale == 0 or np.all(np.diff(sample.grid) > 0)


def test_a_negative_scale_turns_the_grid_round_and_it_still_rises() -> None:
    weight = torch.full((1, 32), 0.5)
    weight[0, 0] = 1.0
    sample = rounding_sample(weight, BLOCKS["Q4_0"].scheme)
    assert sample.scale == -0.125
    assert sample.grid.tolist() == [i / 8 for i in range(-7, 9)]


def test_a_format_that_searches_is_searched() -> None:
    assert weight_view(blocks_of("gaussian"), BLOCKS["Q4_K"].scheme).sqnr_db > 20


def test_what_stands_beside_the_codes_is_seen_and_counted() -> None:
    weight, scheme = blocks_of("gaussian"), Scheme.integer(4, PerGroup(16))
    kept = QuantWeight(quantize(weight, scheme), Beside(outliers=Outliers(torch.tensor([0, 3]), weight[:, [0, 3]])))
    plain, seen = weight_view(weight, scheme), weight_view(weight, kept)
    assert seen.sqnr_db > plain.sqnr_db
    assert seen.stored_bytes == plain.stored_bytes + 2 * 8 + 2 * 4 * len(weight)
    sample = rounding_sample(weight, kept)
    assert sample.rounded[[0, 3]].tolist() == sample.original[[0, 3]].tolist()


def test_a_sample_stays_inside_its_group() -> None:
    for name, size in (("NVFP4", 16), ("MXFP4", 32), ("Q6_K", 16), ("NF4", 32)):
        sample = rounding_sample(blocks_of("gaussian"), BLOCKS[name].scheme)
        assert len(sample.original) == size
    grouped = group(blocks_of("gaussian"), PerGroup(16))
    assert rounding_sample(blocks_of("gaussian"), BLOCKS["NVFP4"].scheme).original.tolist() == grouped[0, 0].tolist()
