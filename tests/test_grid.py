"""The two halves of rounding: codes of some columns are those of the whole; gradients go straight through."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from matrices import BLOCK_SCHEMES, CASTS, UNUSUAL, integers, label
from torch import Tensor

from quant.methods import grid, rtn
from quant.scheme import Flat, Grid, PerChannel, PerGroup, PerTensor, Scheme

ROUNDED = [
    s for s in (*integers([PerTensor(), PerChannel(), PerGroup(16), Flat(64), Flat(24)]), *UNUSUAL, *CASTS,
                *BLOCK_SCHEMES) if s.grid is not Grid.SEARCH
]  # fmt: skip


def drawn(scheme: Scheme, seed: int = 0) -> Tensor:
    """Rows of 256, or as many as a block wants; one of zeros, one with an outlier."""
    w = torch.randn(6, 256, generator=torch.Generator().manual_seed(seed))
    w[2] = 0
    w[3, 5] = 40
    return w


def test_the_codes_of_some_columns_are_those_of_the_whole() -> None:
    for scheme in ROUNDED:
        w = drawn(scheme)
        frame, want = grid.frame(w, scheme), rtn.quantize(w, scheme).codes
        for first, last in [(0, 1), (17, 18), (30, 99), (0, 255), (200, 256)]:
            got = grid.codes(w[:, first:last].contiguous(), frame, first)
            assert torch.equal(got, want[:, first:last]), (label(scheme), first, last)


def test_columns_are_rounded_on_the_frame_of_the_whole_whatever_they_have_become() -> None:
    """As GPTQ wants it: the frame is fixed, the columns have moved; the nearest value of the old grid is taken."""
    scheme = Scheme.integer(4, PerGroup(16), zero_point=True)
    w = drawn(scheme)
    frame, moved = grid.frame(w, scheme), w + 0.3 * torch.randn(w.shape, generator=torch.Generator().manual_seed(1))
    got = grid.rounded(moved[:, 40:60], frame, 40)
    values = frame.holding(torch.zeros_like(w, dtype=torch.uint8))
    every = torch.stack([replace(values, codes=torch.full_like(values.codes, c)).dequantize() for c in range(16)])
    nearest = (every[:, :, 40:60] - moved[:, 40:60]).abs().amin(0)
    torch.testing.assert_close((got - moved[:, 40:60]).abs(), nearest, rtol=1e-5, atol=1e-6)


def test_what_training_sees_is_what_is_stored() -> None:
    for scheme in ROUNDED:
        w = drawn(scheme).requires_grad_()
        frame = grid.frame(w, scheme)
        got, want = grid.rounded(w, frame), rtn.quantize(w, scheme).dequantize()
        assert torch.equal(got.detach(), want), label(scheme)
        some = grid.rounded(w[:, 30:50], frame, 30)
        assert torch.equal(some.detach(), want[:, 30:50]), label(scheme)
        assert got.requires_grad, label(scheme)


@pytest.mark.parametrize("zero_point", [False, True])
def test_the_gradient_is_that_of_lsq(zero_point: bool) -> None:
    """Of a weight 1 inside the grid and 0 beyond; of the scale v - w / s, or the end of the grid."""
    scheme = Scheme.integer(3, PerGroup(16), zero_point=zero_point)
    w = drawn(scheme).requires_grad_()
    fixed = grid.frame(w.detach(), scheme)
    assert fixed.divisor is not None
    scale = (0.5 * fixed.divisor).requires_grad_()
    frame = replace(fixed, divisor=scale, factor=scale)
    got = grid.rounded(w, frame)
    got.sum().backward()
    per = scale.detach().repeat_interleave(16, 1)
    zero = 0 if frame.zero is None else frame.zero.float().repeat_interleave(16, 1)
    ratio = torch.where(per > 0, w.detach() / per, 0.0)
    low, high = (-3, 3) if not zero_point else (0, 7)
    inside = (ratio + zero >= low) & (ratio + zero <= high)
    assert bool((~inside).any()), "half the scale leaves weights beyond the ends"
    torch.testing.assert_close(w.grad, inside.float() * (per > 0))
    value = torch.where(per > 0, got.detach() / per, 0.0)
    want = torch.where(inside, value - ratio, value) * (per > 0)
    torch.testing.assert_close(scale.grad, want.view(6, 16, 16).sum(-1), rtol=1e-3, atol=1e-3)


def test_the_frame_passes_its_gradient_to_the_weights_that_set_it() -> None:
    """absmax: the largest weight of a group moves its scale by 1 / highest, straight through float16."""
    scheme = Scheme.integer(4, PerGroup(16))
    w = drawn(scheme).requires_grad_()
    frame = grid.frame(w, scheme)
    assert frame.factor is not None
    frame.factor.sum().backward()
    assert w.grad is not None
    grouped, gradient = w.detach().view(6, 16, 16), w.grad.view(6, 16, 16)
    top = grouped.abs().amax(-1, keepdim=True)
    moving = (grouped.abs() == top) & (top > 0)
    torch.testing.assert_close(gradient[moving], grouped[moving].sign() / 7)
    assert not bool(gradient[~moving & (top > 0)].any())
