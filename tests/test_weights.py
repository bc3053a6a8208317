"""What the Pesos tab says about a matrix: nothing lost, nothing cut off, decibels that are decibels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from quant.errors import SchemeError, WeightError
from quant.evaluate.weights import BINS, code_occupancy, rounding_sample, weight_view
from quant.formats import FORMATS
from quant.methods.rtn import quantize
from quant.packing import bits_per_weight
from quant.scheme import PerChannel, PerGroup, PerTensor, Scheme

SCHEMES = [
    Scheme.integer(bits, granularity, zero_point=zero_point)
    for bits, granularity, zero_point in itertools.product(
        (2, 4, 8), (PerTensor(), PerChannel(), PerGroup(16)), (False, True)
    )
]


def label(scheme: Scheme) -> str:
    return f"{scheme.element.name}-{scheme.granularity}-{scheme.scale.name}"


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


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
@pytest.mark.parametrize("name", WEIGHTS)
def test_every_weight_is_in_both_histograms(name: str, scheme: Scheme) -> None:
    view = weight_view(WEIGHTS[name], scheme)
    assert view.before.shape == view.after.shape == (BINS,)
    assert view.before.sum() == view.after.sum() == 48 * 64
    assert np.all(np.diff(view.edges) > 0)


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
@pytest.mark.parametrize("name", WEIGHTS)
def test_the_edges_reach_past_every_value(name: str, scheme: Scheme) -> None:
    weight = WEIGHTS[name]
    view = weight_view(weight, scheme)
    decoded = quantize(weight, scheme).dequantize()
    for values in (weight, decoded):
        assert view.edges[0] < float(values.min())
        assert float(values.max()) < view.edges[-1]
    assert len(view.edges) == BINS + 1


@pytest.mark.parametrize("name", ["gaussian", "outlier", "positive", "large"])
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


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
@pytest.mark.parametrize("name", WEIGHTS)
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


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
@pytest.mark.parametrize("name", ["gaussian", "outlier", "positive", "large", "not contiguous"])
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


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_zeros_have_no_error(scheme: Scheme) -> None:
    view = weight_view(torch.zeros(16, 32), scheme)
    assert (view.sqnr_db, view.largest_error, view.largest_weight) == (math.inf, 0.0, 0.0)


def test_a_matrix_lost_to_underflow_has_no_decibels() -> None:
    assert weight_view(gaussian(1e-9), Scheme.integer(8, PerTensor())).sqnr_db == pytest.approx(0)


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_bytes_are_exact(scheme: Scheme) -> None:
    view = weight_view(gaussian(), scheme)
    assert view.float_bytes == 4 * 48 * 64
    assert view.bits_per_weight == 8 * view.stored_bytes / (48 * 64)
    assert view.bits_per_weight == pytest.approx(bits_per_weight(scheme, (48, 64)), abs=8 / (48 * 64))


def test_the_weights_are_left_as_they_were() -> None:
    weight = gaussian()
    weight_view(weight, Scheme.integer(2, PerTensor()))
    assert torch.equal(weight, gaussian())


def test_what_quantize_refuses_is_refused() -> None:
    with pytest.raises(WeightError):
        weight_view(torch.full((4, 16), float("nan")), Scheme.integer(4, PerTensor()))
    with pytest.raises(SchemeError):
        weight_view(gaussian(), Scheme.integer(4, PerGroup(48)))


@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_a_sample_shares_one_scale_and_lies_on_its_grid(scheme: Scheme) -> None:
    sample = rounding_sample(gaussian(), scheme)
    q = quantize(gaussian(), scheme)
    assert len(sample.original) == len(sample.rounded) == (16 if isinstance(scheme.granularity, PerGroup) else 32)
    assert sample.original.tolist() == gaussian()[0, : len(sample.original)].tolist()
    assert sample.rounded.tolist() == q.dequantize()[0, : len(sample.original)].tolist()
    assert sample.scale == float(q.scale[0, 0])
    assert len(sample.grid) == scheme.levels
    assert np.all(np.diff(sample.grid) > 0)
    nearest = np.abs(sample.rounded[:, None] - sample.grid).min(axis=1)
    assert np.all(nearest < 1e-6)


def test_a_sample_is_as_long_as_asked_for_or_as_the_row() -> None:
    scheme = Scheme.integer(4, PerTensor(), scale=FORMATS["float32"])
    assert len(rounding_sample(gaussian(), scheme, 5).original) == 5
    assert len(rounding_sample(gaussian()[:, :3], scheme).original) == 3
