"""Rounding by chance, clipping, searching, learning values, HQQ: what each claims, on weights that are hard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matrices import label
from torch import Tensor

from quant.blocks import BLOCKS
from quant.errors import SchemeError, WeightError
from quant.formats import FORMATS, learned_format
from quant.methods import METHODS, method_for, rtn
from quant.methods.base import Statistics
from quant.methods.percentile import quantile
from quant.packing import Layout
from quant.qtensor import group
from quant.scheme import INTEGER_GRIDS, Flat, Granularity, Grid, PerChannel, PerGroup, PerTensor, Scheme

REFERENCE = np.load(Path(__file__).parent / "golden" / "reference.npz")
SINGLE = FORMATS["float32"]
GROUPS: list[Granularity] = [PerTensor(), PerChannel(), PerGroup(32), Flat(48)]
TABLES = [
    Scheme(FORMATS[name], PerGroup(32)) for name in ("nf4", "fp4_bnb", "float4_e2m1fn", "float8_e4m3fn", "ternary")
]
TABLES += [BLOCKS[name].scheme for name in ("NF4", "FP4", "Q8_0", "Q4_1", "TQ2_0")]
INTEGERS = [Scheme.integer(b, PerGroup(32), grid=g) for b in (2, 3, 4, 8) for g in INTEGER_GRIDS]
INTEGERS += [Scheme.integer(3, where, grid=g) for where in GROUPS for g in INTEGER_GRIDS]
SQUARES = torch.rand(256, generator=torch.Generator().manual_seed(5)) ** 8 + 1e-4
KNOWN = Statistics(100, SQUARES)


def weights(rows: int = 16, columns: int = 256, seed: int = 0) -> Tensor:
    """Tails heavier than the normal curve's; a row of zeros, one of a constant, one outlier, one row all positive."""
    g = torch.Generator().manual_seed(seed)
    w = torch.randn(rows, columns, generator=g) * (1 + torch.rand(rows, columns, generator=g) ** 4)
    w[2], w[3], w[4, 7] = 0, 0.3, 15.0
    w[5] = w[5].abs() + 1
    return 0.05 * w


def made(name: str, scheme: Scheme, weight: Tensor, seed: int = 0, **knobs: float) -> Tensor:
    method = METHODS[name]
    found = method.quantize(weight, scheme, KNOWN, method.set_knobs(knobs), torch.Generator().manual_seed(seed))
    assert found.scheme == scheme
    return found.dequantize()


def by_group(error: Tensor, scheme: Scheme) -> Tensor:
    return group(error, scheme.granularity).double().sum(-1)


# ---- grids


def test_every_grid_is_torchs_fake_quantization() -> None:
    """With the scale and zero point given; HALF is torchao's absmax / 7.5, ABSMAX what its codes -7 to 7 give."""
    w = weights()
    rows, axis = w.view(-1, 32), 0
    for bits in range(2, 9):
        for grid in (Grid.ABSMAX, Grid.HALF, Grid.SIGNED_MAX, Grid.MINMAX):
            scheme = Scheme.integer(bits, PerGroup(32), grid=grid, scale=SINGLE)
            q = rtn.quantize(w, scheme)
            low, high = int(scheme.element.lowest) + scheme.omits_lowest, int(scheme.element.highest)
            zero = torch.zeros(len(rows)) if q.zero is None else q.zero.view(-1).float()
            scale = q.scales().view(-1)
            used = scale != 0
            want = torch.fake_quantize_per_channel_affine(rows[used], scale[used], zero[used].int(), axis, low, high)
            got = q.dequantize().view(-1, 32)
            assert torch.equal(got[used], want), (bits, grid)
            assert not bool(got[~used].any()), (bits, grid)
    w = w.abs().neg_()  # every group's largest is negative: HALF's lowest code stands for it, half a step off
    q = rtn.quantize(w, Scheme.integer(4, PerGroup(32), grid=Grid.HALF, scale=SINGLE))
    assert int(q.codes.max()) == 15
    assert int(q.codes[q.codes > 0].min()) == 8, "two's complement of -8"


def test_every_integer_grid_packs_and_comes_back_at_every_width() -> None:
    w = weights()
    for bits in range(2, 9):
        for grid in INTEGER_GRIDS:
            q = rtn.quantize(w, Scheme.integer(bits, PerGroup(32), grid=grid))
            layout = Layout(q.scheme)
            data = layout.pack(q)
            assert len(data) == layout.nbytes(q.shape), (bits, grid)
            assert torch.equal(layout.unpack(data, q.shape).dequantize(), q.dequantize()), (bits, grid)


# ---- chance


def test_the_mean_of_many_draws_is_the_weight_and_one_draw_is_worse_than_the_nearest() -> None:
    w = weights()
    plain = [Scheme.integer(3, PerGroup(32), grid=grid) for grid in (Grid.ABSMAX, Grid.MINMAX, Grid.RANGE)]
    for scheme in (*plain, Scheme(FORMATS["nf4"], PerGroup(32)), Scheme(FORMATS["float4_e2m1fn"], PerGroup(32))):
        draws = torch.stack([made("stochastic", scheme, w, seed) for seed in range(200)])
        nearest = rtn.quantize(w, scheme).dequantize() - w
        inside = (nearest.abs() < 1e-3) | (draws.amin(0) < draws.amax(0))  # the ends of the grid have one choice
        spread = draws.std(0) / 200**0.5
        away = ((draws.mean(0) - w).abs() <= 5 * spread + 1e-3)[inside]
        assert float(away.float().mean()) > 0.999, label(scheme)
        ratio = (draws - w).square().mean() / nearest.square().mean()
        assert 1.5 < float(ratio) < 3, (label(scheme), float(ratio))
        assert torch.equal(draws[3], made("stochastic", scheme, w, 3)), label(scheme)
        assert not torch.equal(draws[3], draws[4]), label(scheme)


def test_chance_chooses_between_the_two_nearest_values() -> None:
    w = weights()
    for scheme in (*INTEGERS, *TABLES):
        got = METHODS["stochastic"].quantize(w, scheme).q
        scale = got.scales().abs().unsqueeze(-1)
        gap = {"float8_e4m3fn": 32.0, "float4_e2m1fn": 2.0, "nf4": 0.31, "fp4_bnb": 0.34}.get(scheme.element.name, 1.0)
        error = group(got.dequantize() - w, scheme.granularity).abs()
        assert bool((error <= 1.15 * gap * scale + 1e-6).all()), label(scheme)
    with pytest.raises(SchemeError, match="8 bits or fewer; bfloat16 has 16"):
        METHODS["stochastic"].quantize(w, Scheme(FORMATS["bfloat16"], PerTensor(), Grid.UNIT, None))


# ---- clipping


def test_a_percentile_of_one_is_rounding_and_less_clips() -> None:
    w = weights()
    for scheme in (*INTEGERS, *TABLES):
        want = rtn.quantize(w, scheme).dequantize()
        assert torch.equal(made("percentile", scheme, w, share=1.0), want), label(scheme)
        clipped = made("percentile", scheme, w, share=0.95)
        assert float(clipped.abs().max()) < float(want.abs().max()), label(scheme)
    x = w[:8].abs()
    for share in (0.9, 0.95, 0.97, 1.0):
        torch.testing.assert_close(quantile(x, share), x.quantile(share, dim=1, keepdim=True))
    rows = Scheme.integer(4, PerChannel())  # one outlier of 15 in row 4, whose scale is all its neighbours'
    error = {share: (made("percentile", rows, w, share=share)[4] - w[4]).abs().median() for share in (1.0, 0.99)}
    assert error[0.99] < 0.5 * error[1.0]


# ---- search


def test_a_search_never_loses_more_than_rounding_in_any_group() -> None:
    w = weights()
    for scheme in (*INTEGERS, *TABLES):
        assert method_for(scheme).name == "rtn", label(scheme)
        rounded = (rtn.quantize(w, scheme).dequantize() - w).square()
        for name, counts in (("search", torch.ones(256)), ("importance", SQUARES)):
            found = (made(name, scheme, w) - w).square()
            ours, plain = by_group(found * counts, scheme), by_group(rounded * counts, scheme)
            assert bool((ours <= plain * (1 + 1e-5) + 1e-12).all()), (name, label(scheme))
            if scheme.element.code_bits < 8:
                assert float(ours.sum()) < 0.995 * float(plain.sum()), (name, label(scheme))


def test_importance_weighs_what_it_is_given_and_needs_it_usable() -> None:
    w = weights()
    for scheme in (Scheme.integer(3, PerGroup(32)), Scheme.integer(3, PerGroup(32), grid=Grid.RANGE), TABLES[0]):
        weighted, plain = ((made(name, scheme, w) - w).square() for name in ("importance", "search"))
        assert float((weighted * SQUARES).sum()) < 0.95 * float((plain * SQUARES).sum()), label(scheme)
        assert float(weighted.sum()) > float(plain.sum()), label(scheme)
    with pytest.raises(WeightError, match="a vector of 256 finite numbers"):
        METHODS["importance"].quantize(w, Scheme.integer(3, PerGroup(32)), Statistics(1, torch.ones(3)))


# ---- learned values


def test_learned_values_never_lose_more_than_rounding_of_as_many_bits() -> None:
    w = weights(12, 320, seed=1)
    known = Statistics(9, torch.rand(320, generator=torch.Generator().manual_seed(2)) ** 4 + 1e-3)
    for bits in range(2, 9):
        for where in (PerTensor(), PerChannel(), *([PerGroup(64)] if bits < 6 else [])):
            scheme = Scheme(learned_format(bits), where, Grid.LEARNED, None)
            rounded = (rtn.quantize(w, Scheme.integer(bits, where)).dequantize() - w).square()
            for weighted, counts in ((0, torch.ones(320)), (1, known.squares)):
                knobs = METHODS["kmeans"].set_knobs({"weighted": weighted})
                q = METHODS["kmeans"].quantize(w, scheme, known, knobs).q
                assert q.table is not None
                assert q.table.shape == ({PerTensor(): 1, PerChannel(): 12}.get(where, 60), 2**bits)
                assert torch.equal(q.table, q.table.half().float()), "stored in float16"
                ours, plain = (by_group(e * counts, scheme) for e in ((q.dequantize() - w).square(), rounded))
                assert bool((ours <= plain + 1e-9).all()), (bits, where, weighted)
                if bits < 8:
                    assert float(ours.sum()) < 0.9 * float(plain.sum()), (bits, where, weighted)


def test_learned_values_are_means_of_their_weights_and_codes_are_nearest() -> None:
    w = weights(6, 320, seed=3)
    scheme = Scheme(learned_format(3), PerChannel(), Grid.LEARNED, None)
    known = Statistics(9, torch.rand(320, generator=torch.Generator().manual_seed(2)) + 0.1)
    method = METHODS["kmeans"]
    assert known.squares is not None
    q = method.quantize(w, scheme, known, method.set_knobs({"iterations": 100})).q
    assert q.table is not None
    nearest = (w.unsqueeze(-1) - q.table.unsqueeze(1)).abs().amin(-1)
    torch.testing.assert_close((q.dequantize() - w).abs(), nearest)
    for row in (0, 1, 4):
        for code in range(8):
            mine = q.codes[row] == code
            if bool(mine.any()):
                mean = (w[row] * known.squares)[mine].sum() / known.squares[mine].sum()
                assert float(q.table[row, code]) == pytest.approx(float(mean), rel=2e-3, abs=1e-4), (row, code)
    again = method.quantize(w, scheme, known, method.set_knobs({"iterations": 100})).q
    assert torch.equal(again.codes, q.codes)
    other = method.quantize(w, scheme, known, method.set_knobs({"seed": 7, "iterations": 3})).q
    assert not torch.equal(other.codes, method.quantize(w, scheme, known, method.set_knobs({"iterations": 3})).q.codes)
    for refused in (Scheme.integer(4, PerGroup(64)), BLOCKS["NF4"].scheme):
        with pytest.raises(SchemeError, match="learns values of its own"):
            method.check(refused, method.knobs())
    with pytest.raises(SchemeError, match="does not fit in float16"):
        method.quantize(w * 1e6, scheme, known)


def test_a_table_for_each_group_is_that_of_the_group_alone() -> None:
    """And it loses less than one for each row, for the bytes that it takes."""
    w, counts = weights(6, 320, seed=3), torch.rand(320, generator=torch.Generator().manual_seed(2)) + 0.1
    method, four = METHODS["kmeans"], learned_format(3)
    for knobs, known in ((method.knobs(), Statistics(9, counts)), (method.set_knobs({"weighted": 0}), Statistics())):
        made = method.quantize(w, Scheme(four, PerGroup(64), Grid.LEARNED, None), known, knobs).q
        assert made.table is not None
        for row, first in ((0, 0), (2, 128), (5, 256)):
            part = slice(first, first + 64)
            seen = Statistics(9, counts[part]) if known.tokens else known
            own = method.quantize(w[row : row + 1, part], Scheme(four, PerTensor(), Grid.LEARNED, None), seen, knobs).q
            assert own.table is not None
            assert torch.equal(made.table[row * 5 + first // 64], own.table[0]), (row, first)
            assert torch.equal(made.codes[row, part], own.codes[0]), (row, first)
        rows = method.quantize(w, Scheme(four, PerChannel(), Grid.LEARNED, None), known, knobs).q
        lost = [((q.dequantize() - w).square() * (counts if known.tokens else 1)).sum() for q in (made, rows)]
        assert float(lost[0]) < 0.9 * float(lost[1])


# ---- HQQ


def decibels(of: Tensor, w: Tensor) -> float:
    return float(10 * (w.square().mean() / (of - w).square().mean()).log10())


def test_hqq_is_the_authors() -> None:
    """hqq 0.2.8.post1, optimized, axis 1, groups of 64: within 0.05 dB, almost every value within 1e-5."""
    w = torch.from_numpy(REFERENCE["W"])
    for bits in (8, 4, 3, 2):
        want = torch.from_numpy(REFERENCE[f"hqq.b{bits}.g64"])
        got = made("hqq", Scheme.integer(bits, PerGroup(64), grid=Grid.RANGE, scale=SINGLE), w)
        assert decibels(got, w) == pytest.approx(decibels(want, w), abs=0.01), bits
        assert float(((got - want).abs() < 1e-5).float().mean()) > 0.95, bits
        half = made("hqq", Scheme.integer(bits, PerGroup(64), grid=Grid.RANGE), w)
        assert decibels(half, w) == pytest.approx(decibels(want, w), abs=0.05), bits


def test_hqqs_error_is_below_roundings_in_its_norm_and_not_worse_with_whole_zeros() -> None:
    normal, heavy = torch.randn(32, 256, generator=torch.Generator().manual_seed(0)), weights(32)
    for w in (normal, heavy, torch.from_numpy(REFERENCE["W"])):
        for bits in (2, 3, 4, 8):
            for grid, better in ((Grid.RANGE, 0.995), (Grid.MINMAX, 1 + 1e-6)):
                scheme = Scheme.integer(bits, PerGroup(64), grid=grid, scale=SINGLE)
                found, plain = made("hqq", scheme, w), rtn.quantize(w, scheme).dequantize()
                ours, theirs = ((x - w).abs().pow(0.7).mean() for x in (found, plain))
                assert float(ours) < better * float(theirs), (bits, grid)
    for refused in (Scheme.integer(4, PerGroup(64)), BLOCKS["NF4"].scheme, BLOCKS["Q4_K"].scheme):
        with pytest.raises(SchemeError, match="HQQ moves the zero of each group"):
            METHODS["hqq"].check(refused, METHODS["hqq"].knobs())


# ---- all


def test_more_bits_lose_less_by_every_method() -> None:
    w = weights(16, 256, seed=4)
    ranges: dict[str, Any] = {"hqq": Grid.RANGE}
    for name in ("rtn", "stochastic", "percentile", "search", "importance", "hqq", "kmeans"):
        knobs = {"share": 1.0} if name == "percentile" else {}
        for where in (PerGroup(64), PerChannel()):
            errors = []
            # A table of 64 values for 64 weights is none.
            for bits in range(2, 6 if name == "kmeans" and isinstance(where, PerGroup) else 9):
                learned = Scheme(learned_format(bits), where, Grid.LEARNED, None) if name == "kmeans" else None
                scheme = learned or Scheme.integer(bits, where, grid=ranges.get(name, Grid.ABSMAX))
                counts = SQUARES if name in ("importance", "kmeans") else 1
                errors.append(float(((made(name, scheme, w, **knobs) - w).square() * counts).sum()))
            assert errors == sorted(errors, reverse=True), (name, where, errors)


def test_a_group_of_zeros_or_of_one_value_stays_what_it_is() -> None:
    w = weights()
    for name in ("stochastic", "percentile", "search", "importance", "hqq"):
        for scheme in INTEGERS:
            if METHODS[name].fits(scheme) and not isinstance(scheme.granularity, PerTensor | Flat):
                got = made(name, scheme, w)
                assert not bool(got[2].any()), (name, label(scheme))
                if scheme.grid is Grid.RANGE:
                    torch.testing.assert_close(got[3], w[3], rtol=1e-3, atol=1e-4, msg=f"{name} {label(scheme)}")
