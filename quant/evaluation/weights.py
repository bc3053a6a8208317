"""What quantization does to one matrix: histograms on shared bins, code occupancy, error, bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from quant.methods import quantize
from quant.packing import Layout
from quant.qtensor import QTensor, decoded
from quant.scheme import Scheme
from quant.weight import QuantWeight

BINS = 181


class Axis(Enum):
    """What the codes are counted by: the integer or the value they stand for, or, of 16-bit floats, its exponent."""

    INTEGER = "integer"
    VALUE = "value"
    EXPONENT = "exponent"


@dataclass(frozen=True, eq=False)
class WeightView:
    """A matrix before and after. Bins are shared and reach past every value; nothing is cut off.

    edges: float64 [BINS + 1]; before, after: int64 [BINS]; code_values: what the codes stand for before scaling, in
    terms of `axis`, rising; occupancy: share of the weights at each, sums to 1 (zeros have no exponent); used: distinct
    values of the format that occur. sqnr_db: 10 log10(sum w^2 / sum (w - q)^2), infinite without error; largest_error
    in units of the weights.
    """

    edges: np.ndarray
    before: np.ndarray
    after: np.ndarray
    code_values: np.ndarray
    occupancy: np.ndarray
    sqnr_db: float
    largest_error: float
    largest_weight: float
    rms_weight: float
    float_bytes: int
    stored_bytes: int
    bits_per_weight: float
    levels: int
    axis: Axis
    used: int


def weight_view(weight: Tensor, how: Scheme | QuantWeight) -> WeightView:
    """Describe `weight` [out, in] and what a method made of it; of a scheme, what its own method makes.

    Where its inputs are scaled or rotated, `weight` is the float matrix behind that (`Lab.pair`).
    Raises WeightError and SchemeError as `quantize` does.
    """
    made = _made(weight, how)
    q, scheme, after = made.q, made.scheme, made.behind.dequantize()
    low, high = _span(weight, after)
    code_values, occupancy = code_occupancy(q)
    axis, used = _axis(scheme), int((occupancy > 0).sum())
    if axis is Axis.EXPONENT:
        code_values, occupancy = _by_exponent(code_values, occupancy)
    stored = Layout(scheme).nbytes(q.shape) + made.beside.nbytes
    difference = after - weight
    noise = float(difference.square().mean())
    return WeightView(
        np.linspace(low, high, BINS + 1), _histogram(weight, low, high), _histogram(after, low, high),
        code_values, occupancy,
        10 * math.log10(float(weight.square().mean()) / noise) if noise else math.inf,
        float(difference.abs().max()), float(weight.abs().max()), float(weight.square().mean().sqrt()),
        4 * weight.numel(), stored, 8 * stored / weight.numel(), scheme.levels, axis, used,
    )  # fmt: skip


def distribution(weight: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(edges, float64 [BINS + 1]; counts, int64 [BINS]) of `weight` alone."""
    low, high = _span(weight)
    return np.linspace(low, high, BINS + 1), _histogram(weight, low, high)


def decibels(weight: Tensor, scheme: Scheme) -> float:
    """Signal over error of `weight` stored as `scheme`, infinite without error. Raises as `quantize` does."""
    noise = float((quantize(weight, scheme).dequantize() - weight).square().mean())
    return 10 * math.log10(float(weight.square().mean()) / noise) if noise else math.inf


def _made(weight: Tensor, how: Scheme | QuantWeight) -> QuantWeight:
    return how if isinstance(how, QuantWeight) else QuantWeight(quantize(weight, how))


def _span(*tensors: Tensor) -> tuple[float, float]:
    """The range of all values, half a bin wider on both sides; a constant gets a range of its own size."""
    pairs = [torch.aminmax(t) for t in tensors]
    low, high = min(float(a) for a, _ in pairs), max(float(b) for _, b in pairs)
    margin = (high - low) / (2 * BINS) or abs(high) or 1.0
    return low - margin, high + margin


def _histogram(x: Tensor, low: float, high: float) -> np.ndarray:
    """Counts [BINS]: the bins are equal, so a product gives the index and no edge is searched."""
    bins = ((x - low) * (BINS / (high - low))).to(torch.int32).clamp_(0, BINS - 1)
    return torch.bincount(bins.reshape(-1), minlength=BINS).numpy()


def code_occupancy(q: QTensor) -> tuple[np.ndarray, np.ndarray]:
    """(values of the element format that the scheme uses, rising, float64 [n]; share of the weights at each, [n]).

    Both zeros of a float count as one. Of a format of over 8 bits only the values that occur are given; where rows or
    groups have tables of their own, those of the first.
    """
    element = q.scheme.element
    codes = q.codes if q.table is None else q.codes.reshape(len(q.table), -1)[0]
    counts = torch.bincount(codes.reshape(-1), minlength=2**element.code_bits)
    every = element.decode(torch.arange(len(counts))).double() if q.table is None else q.table[0].double()
    shown = torch.isfinite(every) & ((counts > 0) | (element.values is not None))
    values, place = torch.unique(every[shown], return_inverse=True)
    shares = torch.zeros(len(values), dtype=torch.double).index_add(0, place, counts[shown].double() / codes.numel())
    used = slice(1 if q.scheme.omits_lowest else 0, None)  # the lowest code is not part of a symmetric grid
    return values[used].numpy(), shares[used].numpy()


def _axis(scheme: Scheme) -> Axis:
    if scheme.element.values is None:
        return Axis.EXPONENT
    return Axis.INTEGER if scheme.element.is_integer else Axis.VALUE


def _by_exponent(values: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(powers of two from the least to the greatest in `values`, share of the weights in each of their binades)."""
    exponents = np.frexp(values[values != 0])[1] - 1
    if not len(exponents):
        return np.zeros(1, int), np.zeros(1)
    powers = np.arange(exponents.min(), exponents.max() + 1)
    return powers, np.bincount(exponents - powers[0], shares[values != 0], len(powers))


@dataclass(frozen=True, eq=False)
class RoundingSample:
    """A few neighbouring weights that share one scale: original and rounded [n], and the grid's values, rising."""

    original: np.ndarray
    rounded: np.ndarray
    grid: np.ndarray
    scale: float

    @property
    def mean_error_percent(self) -> float:
        """Mean |error| as a percentage of the largest |weight| shown."""
        largest = float(np.abs(self.original).max())
        return 100 * float(np.abs(self.original - self.rounded).mean()) / largest if largest else 0.0


def rounding_sample(weight: Tensor, how: Scheme | QuantWeight, count: int = 32) -> RoundingSample:
    """The first `count` weights of the first row of `weight`, and what a method, or the scheme's own, made of them."""
    made = _made(weight, how)
    q, scheme = made.q, made.scheme
    values, _ = code_occupancy(q)
    scale = float(q.scales()[0, 0])
    zero = float(q.zero[0, 0]) if q.zero is not None else 0.0
    offset = float(decoded(q.offset)[0, 0]) if q.offset is not None else 0.0
    size = min(count, scheme.groups(q.shape)[2], weight.shape[1])
    grid = np.sort((values - zero) * scale + offset)  # a negative scale turns it round
    return RoundingSample(weight[0, :size].numpy(), made.behind.dequantize()[0, :size].numpy(), grid, scale)
