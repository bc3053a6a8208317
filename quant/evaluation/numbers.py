"""What the weights of a model are as numbers: how large, which powers of two, and what each format would lose of them.

A float32 is its bits: without the sign they rise with the value, so counting their upper halves in one pass gives the
exponents' histogram and leads to the exact median, and nothing as large as the model is ever sorted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from quant.formats import FORMATS, NumberFormat
from quant.model.layers import Kind, census, linear_layers
from quant.model.load import LoadedModel

SHARES = ("float16", "bfloat16", "float8_e5m2", "float8_e4m3fn", "float4_e2m1fn")
RANDOM, SEED = 200, 0
QUANTILES = 4001
HALVES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
SORTED_AT_MOST = 2**22  # of a larger matrix, evenly spaced weights are sorted
KEY_SHIFT, KEYS, KEYS_PER_EXPONENT, FLOAT32_BIAS = 16, 1 << 15, 128, 127


@dataclass(frozen=True)
class Weight:
    """One weight and where it is."""

    value: float
    layer: str
    row: int
    column: int


@dataclass(frozen=True)
class Share:
    """How many weights a format, without a scale, would keep as subnormals, lose to zero, or not reach.

    A weight that is 0 already is not lost; `beyond` are those larger than the largest value.
    """

    format: str
    subnormal: int
    zero: int
    beyond: int


@dataclass(frozen=True, eq=False)
class ModelNumbers:
    """The linear weights of a model. counts[i]: how many lie in [2**exponents[i], 2**(exponents[i] + 1))."""

    exponents: np.ndarray
    counts: np.ndarray
    total: int
    largest: Weight
    median: Weight
    random: tuple[Weight, ...]
    shares: tuple[Share, ...]


class Magnitudes:
    """Exact counts of |w| below a few marks, and the median, from two passes over the weights.

    The first counts keys: exponent and seven bits of mantissa. The second keeps only the weights whose key is that of a
    mark or of the median, one in a hundred or so, and sorts them.
    """

    def __init__(self, weights: Sequence[Tensor], marks: Sequence[float]) -> None:
        self.keys = sum(
            (torch.bincount(_keys(w), minlength=KEYS) for w in weights), torch.zeros(KEYS, dtype=torch.int64)
        )
        self.total = int(self.keys.sum())
        rank = (self.total - 1) // 2
        middle = int(torch.searchsorted(self.keys.cumsum(0), rank, right=True))
        wanted = torch.zeros(KEYS, dtype=torch.bool)
        wanted[middle] = True
        wanted[[_key(mark) for mark in marks]] = True
        kept = [w.reshape(-1)[wanted.index_select(0, _keys(w))].abs() for w in weights]
        self._near = torch.cat(kept).sort().values
        self._kept = wanted.int() * self.keys
        self.median = float(self._near[rank - int(self.keys[:middle].sum()) + int(self._kept[:middle].sum())])

    def below(self, mark: float, *, equal: bool = False) -> int:
        """How many are less than `mark` (one of the marks, a float32), or equal to it."""
        key = _key(mark)
        near = int(torch.searchsorted(self._near, torch.tensor(mark, dtype=torch.float32), right=equal))
        return int(self.keys[:key].sum()) + near - int(self._kept[:key].sum())


@lru_cache(maxsize=4)
def model_numbers(loaded: LoadedModel) -> ModelNumbers:
    """Read every linear weight of `loaded` a few times; kept, since models never change."""
    weights = {layer.name: loaded.weight(layer.name) for layer in linear_layers(loaded)}
    formats = [FORMATS[name] for name in SHARES]
    sizes = Magnitudes(list(weights.values()), [mark for element in formats for mark in _marks(element)])
    by_exponent = sizes.keys.view(-1, KEYS_PER_EXPONENT).sum(1).numpy()
    by_exponent[0] -= sizes.below(0.0, equal=True)
    used = np.flatnonzero(by_exponent)
    exponents = np.arange(used[0], used[-1] + 1) if len(used) else np.array([FLOAT32_BIAS])
    return ModelNumbers(
        exponents - FLOAT32_BIAS, by_exponent[exponents], sizes.total, _largest(weights), _find(weights, sizes.median),
        _random(weights), tuple(_share(sizes, element) for element in formats),
    )  # fmt: skip


@lru_cache(maxsize=4)
def exact_formats(loaded: LoadedModel) -> tuple[str, ...]:
    """The 16-bit floats that hold every weight of every matrix as it is: in one of them the model was stored."""
    names = [layer.name for layer in census(loaded) if layer.kind is not Kind.OTHER]
    return tuple(
        element for element, dtype in HALVES.items() if all(_holds(dtype, loaded.weight(name)) for name in names)
    )


def _holds(dtype: torch.dtype, weight: Tensor) -> bool:
    return torch.equal(weight.to(dtype).to(weight.dtype), weight)


def share(weight: Tensor, element: NumberFormat) -> Share:
    """What casting a float32 `weight` to `element` would do to its numbers."""
    return _share(Magnitudes([weight], _marks(element)), element)


def _marks(element: NumberFormat) -> tuple[float, float, float, float]:
    """0, the largest that rounds to 0, the smallest that rounds to a normal number, the largest value.

    Half of the smallest subnormal still rounds to 0 (a tie, and 0 is even); half a step under the smallest normal
    number rounds up to it (its significand is the even one).
    """
    smallest, normal = element.properties.smallest_subnormal, element.properties.smallest_normal
    assert smallest is not None
    assert normal is not None
    return 0.0, smallest / 2, normal - smallest / 2, element.highest


def _share(sizes: Magnitudes, element: NumberFormat) -> Share:
    zero, lost, normal, largest = _marks(element)
    vanished = sizes.below(lost, equal=True)
    return Share(
        element.name, sizes.below(normal) - vanished, vanished - sizes.below(zero, equal=True),
        sizes.total - sizes.below(largest, equal=True),
    )  # fmt: skip


def quantiles(weight: Tensor) -> np.ndarray:
    """float32 [QUANTILES]: weights of the matrix at evenly spaced ranks, the smallest and the largest among them."""
    flat = weight.reshape(-1)
    low, high = torch.aminmax(flat)
    some = flat[:: -(-flat.numel() // SORTED_AT_MOST)].sort().values
    ranks = torch.linspace(0, len(some) - 1, QUANTILES, dtype=torch.float64).round().long()
    chosen = some[ranks]
    chosen[0], chosen[-1] = low, high
    return chosen.numpy()


def _keys(weight: Tensor) -> Tensor:
    """int32, flat: sign dropped, then exponent and seven bits of mantissa."""
    return (weight.reshape(-1).view(torch.int32) & 0x7FFFFFFF) >> KEY_SHIFT


def _key(value: float) -> int:
    return int(_keys(torch.tensor([value], dtype=torch.float32)))


def _at(weights: dict[str, Tensor], layer: str, flat: int) -> Weight:
    row, column = divmod(flat, weights[layer].shape[1])
    return Weight(float(weights[layer][row, column]), layer, row, column)


def _largest(weights: dict[str, Tensor]) -> Weight:
    layer = max(weights, key=lambda name: float(weights[name].abs().max()))
    return _at(weights, layer, int(weights[layer].abs().argmax()))


def _find(weights: dict[str, Tensor], size: float) -> Weight:
    """The first weight of magnitude `size`."""
    for layer, weight in weights.items():
        same = weight.abs() == size
        if bool(same.any()):
            return _at(weights, layer, int(same.int().argmax()))
    raise AssertionError(size)


def _random(weights: dict[str, Tensor]) -> tuple[Weight, ...]:
    """RANDOM weights drawn evenly from all matrices with a fixed seed."""
    names, ends = list(weights), np.cumsum([w.numel() for w in weights.values()])
    drawn = np.random.default_rng(SEED).integers(0, ends[-1], RANDOM)
    layers = np.searchsorted(ends, drawn, side="right")
    starts = np.concatenate([[0], ends[:-1]])
    return tuple(_at(weights, names[i], int(d - starts[i])) for d, i in zip(drawn, layers, strict=True))


@dataclass(frozen=True)
class FormatRange:
    """What a format covers: powers of two of its smallest value, its smallest normal one and its largest."""

    name: str
    significant_bits: int
    low: float
    normal: float
    high: float


def format_range(name: str) -> FormatRange:
    """The range of a registered format; an integer counts from 1, and its sign is not a significant bit."""
    element = FORMATS[name]
    known = element.properties
    low, normal, high = known.smallest_positive, known.smallest_normal or known.smallest_positive, known.largest
    bits = known.significant_bits or int(known.largest).bit_length()
    return FormatRange(name, bits, *(float(np.log2(v)) for v in (low, normal, high)))
