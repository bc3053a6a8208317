"""The search: no row loses more than ggml's encoder, and none more than rounding on the plain grid."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import each
from torch import Tensor

from quant.blocks import BLOCKS
from quant.errors import SchemeError, WeightError
from quant.formats import FORMATS
from quant.methods import kquant, rtn
from quant.methods.search import Groups, Levels, solve
from quant.qtensor import QTensor
from quant.scheme import Grid, Offset, PerGroup, Scheme

SHIFTED = ["Q2_K", "Q4_K", "Q5_K"]
NAMES = [*SHIFTED, "Q3_K", "Q6_K", "IQ4_XS", "IQ4_NL", "Q4_0"]
TOLERANCE = 1.005
ZEROS, QUARTERS, MINUS_THREES, TINY = 28, 29, 30, 24  # rows of the golden weights


@cache
def golden() -> dict[str, Tensor]:
    """What ggml 0.25.3 makes of `x`, with and without `importance`; see golden/README.md."""
    with np.load(Path(__file__).parent / "golden" / "ggml.npz") as data:
        return {key: torch.from_numpy(data[key]) for key in data.files if not key.endswith("bytes")}


def row_errors(decoded: Tensor, weight: Tensor, importance: Tensor | None = None) -> Tensor:
    """Summed squared error of each row, weighted by importance; float64 [out]."""
    counts = torch.ones(weight.shape[1]) if importance is None else importance
    return ((decoded.double() - weight.double()).square() * counts.double()).sum(1)


def searched(name: str, weight: Tensor, importance: Tensor | None = None) -> Tensor:
    return kquant.quantize(weight, BLOCKS[name].scheme, importance).dequantize()


def plain(weight: Tensor, scheme: Scheme) -> Tensor:
    """Round to nearest twice: the scales of the plain grid to theirs, then the weights. Shifts are never negative."""
    grouped = weight.view(weight.shape[0], -1, scheme.granularity.size)
    top = scheme.element.highest if scheme.shift else scheme.element.lowest
    if scheme.shift:
        low = grouped.amin(-1).clamp(max=0)
        scale, offset = (grouped.amax(-1) - low).clamp(min=0) / top, -nested(-low, scheme.shift.store)
    else:
        scale, offset = extreme(grouped) / top, torch.zeros(grouped.shape[:2])
    scale = nested(scale, scheme.scale).unsqueeze(-1)
    scaled = torch.where(scale != 0, (grouped - offset.unsqueeze(-1)) / scale, 0)
    values = scheme.element.decode(scheme.element.nearest(scaled))
    return (values * scale + offset.unsqueeze(-1)).view(weight.shape)


def nested(scale: Tensor, store) -> Tensor:
    if not isinstance(store, Scheme):
        return store.round(scale)
    grouped = scale.view(scale.shape[0], -1, store.granularity.size)
    d = (extreme(grouped) / (store.element.lowest or store.element.highest)).half().float().unsqueeze(-1)
    sc = torch.where(d != 0, (grouped / d).round(), 0).clamp(store.element.lowest, store.element.highest)
    return (d * sc).view(scale.shape)


def extreme(grouped: Tensor) -> Tensor:
    return grouped.gather(-1, grouped.abs().argmax(-1, keepdim=True)).squeeze(-1)


@each("weighted", [False, True])
@each("name", NAMES)
def test_no_row_loses_more_than_with_ggml(name: str, weighted: bool) -> None:
    weight, importance = golden()["x"], golden()["importance"] if weighted else None
    theirs = row_errors(golden()[f"{name}.imatrix.values" if weighted else f"{name}.values"], weight, importance)
    ours = row_errors(searched(name, weight, importance), weight, importance)
    assert (ours <= TOLERANCE * theirs).all(), (ours / theirs).tolist()


@each("name", NAMES)
def test_never_worse_than_the_plain_grid(name: str) -> None:
    weight = torch.cat([golden()["x"], hostile_rows()])
    ours, baseline = row_errors(searched(name, weight), weight), row_errors(plain(weight, BLOCKS[name].scheme), weight)
    # Searched in float32, compared in float64; of rows below the smallest step nothing is left to compare.
    assert (ours <= baseline * (1 + 1e-5)).all(), (ours / baseline).tolist()
    assert ours[:24].sum() < 0.98 * baseline[:24].sum()


def hostile_rows() -> Tensor:
    """One outlier, one weight that is not zero, steps, two values, all positive, tiny: float32 [rows, 768]."""
    generator = torch.Generator().manual_seed(3)
    rows = torch.zeros(8, 768)
    rows[0] = 1e-3 * torch.randn(768, generator=generator)
    rows[0, 300] = 50.0
    rows[1, 5] = -0.7
    rows[2] = torch.arange(768) / 768
    rows[3] = torch.where(torch.rand(768, generator=generator) < 0.5, -1.0, 2.0)
    rows[4] = 3 + 0.01 * torch.rand(768, generator=generator)
    rows[5] = 1e-9 * torch.randn(768, generator=generator)
    rows[6] = 1e-38
    rows[7] = -rows[4]
    return rows


@each("name", NAMES)
def test_random_weights_and_importance(name: str) -> None:
    """Stored numbers are in range, decode to finite ones, and importance lowers the error that it weighs."""
    generator = torch.Generator().manual_seed(11)
    scheme = BLOCKS[name].scheme
    for spread in (1e-4, 0.02, 3.0, 1e3):
        weight = spread * torch.randn(6, 512, generator=generator) ** 3
        importance = torch.rand(512, generator=generator) ** 8
        q = kquant.quantize(weight, scheme, importance)
        assert torch.isfinite(q.dequantize()).all()
        assert_stored(q)
        ours, blind = (row_errors(v, weight, importance).sum() for v in (q.dequantize(), searched(name, weight)))
        assert ours < blind


def assert_stored(q: QTensor) -> None:
    """Codes are codes of their format, and floats are floats of theirs; scales and offsets in turn."""
    assert q.codes.dtype == torch.uint8
    assert int(q.codes.max()) < 2**q.scheme.element.code_bits
    stores = [(q.scale, q.scheme.scale)]
    if isinstance(q.scheme.shift, Offset):
        stores.append((q.offset, q.scheme.shift.store))
    else:
        assert q.offset is None
    for part, how in stores:
        if isinstance(part, QTensor):
            assert part.scheme == how
            assert_stored(part)
        else:
            assert torch.equal(how.round(part), part)


@each("name", NAMES)
def test_deterministic_and_independent_of_the_rows_beside(name: str) -> None:
    weight = torch.randn(300, 768, generator=torch.Generator().manual_seed(5))  # more than a chunk
    first, again = searched(name, weight), searched(name, weight)
    assert torch.equal(first, again)
    # Sums may run in another order there: only the error is the same.
    alone = row_errors(searched(name, weight[200:]), weight[200:])
    assert torch.allclose(alone, row_errors(first, weight)[200:], rtol=1e-3)


@each("name", NAMES)
def test_zeros_and_constants(name: str) -> None:
    weight = golden()["x"][[ZEROS, QUARTERS, MINUS_THREES]]
    decoded = searched(name, weight)
    assert torch.equal(decoded[0], torch.zeros(768))
    assert torch.allclose(decoded[1:], weight[1:], rtol=5e-4)  # d and dmin have 11 bits
    half_empty = torch.randn(2, 512, generator=torch.Generator().manual_seed(1))
    half_empty[:, 256:] = 0
    assert torch.equal(searched(name, half_empty)[:, 256:], torch.zeros(2, 256))


@each("name", NAMES)
def test_weights_that_float16_steps_barely_reach_are_not_lost(name: str) -> None:
    """1e-6: ggml's d underflows in five formats and leaves zeros, or worse (9 times the squared weights in Q4_K)."""
    weight = golden()["x"][[TINY]]
    assert row_errors(searched(name, weight), weight) < 0.25 * row_errors(torch.zeros_like(weight), weight)


@each("name", NAMES)
@each("sign", [1.0, -1.0])
def test_a_scale_too_large_raises(name: str, sign: float) -> None:
    weight = torch.zeros(2, 512)
    weight[1, 300] = sign * 1e10
    with pytest.raises(SchemeError, match="float16"):
        searched(name, weight)


@each("name", NAMES)
def test_importance_with_zeros(name: str) -> None:
    weight = golden()["x"][:4]
    importance = torch.zeros(768)
    assert torch.equal(searched(name, weight, importance), searched(name, weight))
    importance[300:310] = 1.0  # one or two groups, the rest none
    decoded = searched(name, weight, importance)
    assert torch.isfinite(decoded).all()
    assert (decoded[:, :256] - weight[:, :256]).abs().max() < weight.abs().max()
    assert row_errors(decoded, weight, importance).sum() < row_errors(searched(name, weight), weight, importance).sum()


@each("name", NAMES)
def test_only_the_proportions_of_importance_matter(name: str) -> None:
    weight, importance = golden()["x"][:2], golden()["importance"]
    assert torch.equal(searched(name, weight, importance), searched(name, weight, importance * 2.0**70))


@each("importance", [-torch.ones(512), torch.ones(256), torch.full((512,), torch.nan)])
def test_importance_that_cannot_be_used(importance: Tensor) -> None:
    with pytest.raises(WeightError, match="512 finite numbers"):
        searched("Q4_K", torch.ones(2, 512), importance)


def test_weights_that_cannot_be_used() -> None:
    with pytest.raises(WeightError, match="finite"):
        searched("Q4_K", torch.full((2, 256), torch.inf))
    with pytest.raises(SchemeError, match="256"):
        searched("Q4_K", torch.ones(2, 320))
    nameless = dataclasses.replace(BLOCKS["Q4_K"].scheme, name="")
    with pytest.raises(SchemeError):
        kquant.quantize(torch.ones(2, 320), nameless)


@each(
    "scheme",
    [
        BLOCKS["Q8_0"].scheme,  # omits the lowest code
        Scheme(FORMATS["uint4"], PerGroup(32), Grid.SEARCH, shift=Offset(FORMATS["float16"])),
        Scheme(FORMATS["nf4"], PerGroup(32), Grid.SEARCH),
    ],
)
def test_schemes_without_search(scheme: Scheme) -> None:
    with pytest.raises(SchemeError, match="search"):
        kquant.quantize(torch.ones(2, 64), scheme)


def test_other_groups_and_scales() -> None:
    """Nothing is tied to the published formats: any integers, groups of any size, scales in bfloat16."""
    weight = golden()["x"][:8]
    scheme = Scheme.integer(3, PerGroup(64))
    free = dataclasses.replace(scheme, grid=Grid.SEARCH, scale=FORMATS["bfloat16"])
    ours, rounded = kquant.quantize(weight, free), rtn.quantize(weight, scheme)
    assert_stored(ours)
    assert row_errors(ours.dequantize(), weight).sum() < row_errors(rounded.dequantize(), weight).sum()


@each("element", ["int3", "uint4", "int6", "iq4"])
def test_levels_round_to_nearest(element: str) -> None:
    x = 300 * torch.rand(100_000, generator=torch.Generator().manual_seed(2)) - 150
    values = FORMATS[element].values
    nearest = Levels(FORMATS[element]).round_(x.clone())
    assert torch.isin(nearest, values).all()
    assert torch.equal((nearest - x).abs(), (x.unsqueeze(1) - values).abs().amin(1))


def test_solve_is_least_squares() -> None:
    a, b, x = torch.randn(3, 40, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    x = x + 2 * a + 3 * b
    s, t = solve(a @ a, a @ b, b @ b, a @ x, b @ x)
    expected = torch.linalg.lstsq(torch.stack([a, b], 1), x.unsqueeze(1)).solution.view(-1)
    assert torch.allclose(torch.stack([s, t]), expected)


def test_refitting_never_raises_the_error() -> None:
    """Lloyd's algorithm goes downhill while t >= 0 is not in the way."""
    generator = torch.Generator().manual_seed(6)
    x, importance = torch.randn(32, 500, generator=generator), torch.rand(32, 500, generator=generator)
    groups = Groups(x, importance, Levels(FORMATS["uint4"]), shifted=True)
    scale, shift = groups.plain
    before = groups.error(scale, shift)
    for _ in range(4):
        scale, shift = groups.refit(scale, shift)
        after = groups.error(scale, shift)
        assert (after <= before * (1 + 1e-5)).all()
        before = after
